"""One connection: read requests, meet faults, write answers."""

from __future__ import annotations

import socket
import struct
import uuid
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, cast

from sandbox.hub.errors import HubError
from sandbox.hub.faults import Drop, Effect, Expire, IgnoreRange, Slow, Status, Truncate
from sandbox.hub.messages import BytesBody, Request, Response, error_response, header_safe
from sandbox.hub.request_log import Entry
from sandbox.hub.transmission import DroppedError, Transmission

if TYPE_CHECKING:
    from sandbox.hub.server import Listener

_BODY_BYTES = 1024 * 1024


class Handler(BaseHTTPRequestHandler):
    """Serves one client's connection in a thread of its own."""

    protocol_version = "HTTP/1.1"
    server_version = "slipway-sandbox-hub"
    disable_nagle_algorithm = True

    @property
    def listener(self) -> Listener:
        """The server that accepted the connection."""
        return cast("Listener", self.server)

    def setup(self) -> None:
        """Make the connection known, so that a stopping server can end it."""
        super().setup()
        self.listener.connections.add(self.connection)

    def finish(self) -> None:
        """Forget the connection."""
        self.listener.connections.discard(self.connection)
        super().finish()

    def do_GET(self) -> None:
        """Answer a GET."""
        self._serve()

    def do_HEAD(self) -> None:
        """Answer a HEAD."""
        self._serve()

    def do_POST(self) -> None:
        """Answer a POST."""
        self._serve()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's own signature
        """Stay silent: the request log has it."""

    def _serve(self) -> None:
        hub = self.listener.hub
        request = self._read_request()
        hub.refresh_faults()
        effect = hub.faults.take(origin=request.origin, method=request.method, path=request.path)
        entry = Entry(
            request.origin,
            request.method,
            request.path,
            range=request.headers.get("Range"),
            authorized="Authorization" in request.headers,
            effect=effect,
        )
        with hub.log.record(entry):
            hub.stopping.wait(hub.latency + (effect.seconds if isinstance(effect, Slow) else 0.0))
            try:
                self._answer(request, effect, entry=entry)
            except DroppedError as dropped:
                self._end(reset=dropped.reset)
            except OSError:  # the client left; the log's entry says how far it got
                self.close_connection = True

    def _answer(self, request: Request, effect: Effect, *, entry: Entry) -> None:
        hub = self.listener.hub
        if isinstance(effect, Drop) and effect.after is None:
            raise DroppedError(reset=effect.reset)
        wanted = None if isinstance(effect, IgnoreRange) else request.range
        faulty = replace(request, range=wanted, expire=isinstance(effect, Expire))
        response = _fault_response(effect, request) or hub.app.answer(faulty)
        body = response.body.cut(effect.after) if isinstance(effect, Truncate) else response.body
        entry.status = response.status
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, header_safe(value))
        if "Transfer-Encoding" not in response.headers:
            self.send_header("Content-Length", str(body.length))
        self.send_header("X-Request-Id", f"sandbox-{uuid.uuid4()}")
        self.end_headers()
        transmission = Transmission(self.connection, hub.stopping, hub.bytes_per_second, hub.line)
        transmission.send(BytesBody() if request.method == "HEAD" else body, effect=effect, entry=entry)

    def _read_request(self) -> Request:
        length = self.headers.get("Content-Length", "0")
        size = int(length) if length.isdecimal() else _BODY_BYTES
        if size > _BODY_BYTES or "Transfer-Encoding" in self.headers:
            self.close_connection = True  # what we do not read would be taken for the next request
            size = 0
        return Request(
            origin=self.listener.origin,
            method=self.command,
            target=self.path,
            headers=self.headers,
            body=self.rfile.read(size),
            address="{}:{}".format(*self.connection.getsockname()[:2]),
            range=self.headers.get("Range"),
        )

    def _end(self, *, reset: bool) -> None:
        self.close_connection = True
        if reset:
            # Lingering for no time makes the kernel send a reset when the last reference to the socket goes.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()


def _fault_response(effect: Effect, request: Request) -> Response | None:
    if not isinstance(effect, Status):
        return None
    headers = {} if effect.retry_after is None else {"Retry-After": str(effect.retry_after)}
    error = HubError(effect.code, effect.message, code=effect.error_code, headers=headers)
    return error_response(error, origin=request.origin)
