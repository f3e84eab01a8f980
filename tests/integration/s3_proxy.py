"""A proxy between an S3 client and a real S3 store, for the troubles that a healthy store never makes.

Requests go on as they came, the Host header too: signatures are good at the store, whose addresses are path-style.
"""

from __future__ import annotations

import http.client
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

from tests.integration.s3_troubles import Asked, CutAnswer, CutRequest, Refused, Silence, Troubles

HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "expect", "content-length"})
STORE_SECONDS = 60.0
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with no time to linger: a close is a reset then."""

OPERATIONS = {
    ("POST", "uploads"): "CreateMultipartUpload",
    ("PUT", "partNumber"): "UploadPart",
    ("POST", "uploadId"): "CompleteMultipartUpload",
    ("DELETE", "uploadId"): "AbortMultipartUpload",
    ("GET", "uploads"): "ListMultipartUploads",
    ("GET", "list-type"): "ListObjectsV2",
    ("POST", "delete"): "DeleteObjects",
}
PLAIN = {"GET": "GetObject", "HEAD": "HeadObject", "PUT": "PutObject", "DELETE": "DeleteObject"}


@dataclass(frozen=True)
class S3Proxy:
    """A running proxy.

    Attributes:
        endpoint: its address, for clients.
        troubles: what goes wrong, and what was asked.
    """

    endpoint: str
    troubles: Troubles


@contextmanager
def proxying(store: str) -> Iterator[S3Proxy]:
    """Run a proxy before the store at an address, without troubles yet, for a block of code."""
    listener = _Listener(urlsplit(store).netloc)
    threading.Thread(target=listener.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield S3Proxy(f"http://127.0.0.1:{listener.server_address[1]}", listener.troubles)
    finally:
        listener.stopping.set()
        listener.shutdown()
        listener.server_close()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, store: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.store = store
        self.troubles = Troubles()
        self.stopping = threading.Event()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client or store that went away is what these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Listener
    _upstream: http.client.HTTPConnection | None = None

    def do_GET(self) -> None:
        """Any request: a trouble, or the store's answer."""
        length = int(self.headers.get("Content-Length", 0))
        trouble = self.server.troubles.take(_asked(self.command, self.path))
        match trouble:
            case CutRequest(after=after):
                self.rfile.read(min(after, length))
                return self._reset()
            case Silence(seconds=seconds, done=done):
                body = self.rfile.read(length)
                if done:
                    self._ask(body)
                self.server.stopping.wait(seconds)
                return self._reset()
            case Refused(status=status, code=code):
                self.rfile.read(length)
                return self._refuse(status, code)
            case _:
                answer = self._ask(self.rfile.read(length))
        if answer is None:
            return self._reset()
        return self._answer(*answer, cut=trouble if isinstance(trouble, CutAnswer) else None)

    do_PUT = do_POST = do_DELETE = do_HEAD = do_GET  # noqa: N815 - the names that http.server calls

    def log_message(self, *_: object) -> None:
        """Say nothing: what was asked is in `Troubles`."""

    def finish(self) -> None:
        """End the connection to the store with the client's."""
        if self._upstream:
            self._upstream.close()
        super().finish()

    def _ask(self, body: bytes) -> tuple[http.client.HTTPResponse, bytes] | None:
        """Ask the store; None where it is away. A kept connection that it closed meanwhile is made anew."""
        fresh = self._upstream is None
        try:
            self._upstream = self._upstream or http.client.HTTPConnection(self.server.store, timeout=STORE_SECONDS)
            self._upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in HOP_BY_HOP:
                    self._upstream.putheader(name, value)
            if "Content-Length" in self.headers:
                self._upstream.putheader("Content-Length", str(len(body)))
            self._upstream.endheaders(body or None)
            response = self._upstream.getresponse()
            return response, response.read()
        except (OSError, http.client.HTTPException):
            if self._upstream:
                self._upstream.close()
            self._upstream = None
            return None if fresh else self._ask(body)

    def _answer(self, response: http.client.HTTPResponse, body: bytes, *, cut: CutAnswer | None) -> None:
        if cut and cut.after is None:
            return self._reset()
        self.send_response_only(response.status, response.reason)
        for name, value in response.getheaders():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        length = response.getheader("Content-Length") if self.command == "HEAD" else str(len(body))
        if length is not None:
            self.send_header("Content-Length", length)
        self.end_headers()
        self.wfile.write(body[: cut.after] if cut else body)
        return self._reset() if cut else None

    def _refuse(self, status: int, code: str) -> None:
        body = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>on purpose</Message></Error>'
        self.send_response_only(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body.encode())

    def _reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.rfile.close()
        self.connection.close()


def _asked(method: str, target: str) -> Asked:
    parts = urlsplit(target)
    _, _, key = unquote(parts.path).removeprefix("/").partition("/")
    query = parse_qs(parts.query, keep_blank_values=True)
    named = (name for (verb, mark), name in OPERATIONS.items() if verb == method and mark in query)
    return Asked(next(named, PLAIN.get(method, method)), key)
