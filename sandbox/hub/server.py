"""The Hub as a server: two origins on this machine, started and stopped by a test or a command."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.server import ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self

from sandbox.hub.app import App
from sandbox.hub.fault_file import FaultFile
from sandbox.hub.faults import Faults, Origin
from sandbox.hub.handler import Handler
from sandbox.hub.line import Line
from sandbox.hub.request_log import Entry, RequestLog
from sandbox.hub.signing import Signer
from sandbox.hub.store import Store
from sandbox.hub.tokens import Token, parse_tokens

_POLL = 0.02  # seconds until a stopping listener notices


class Listener(ThreadingHTTPServer):
    """One origin: a listening socket, and a thread per connection."""

    request_queue_size = 128
    daemon_threads = True
    block_on_close = False  # connections are ended by the server, not waited for

    def __init__(self, address: tuple[str, int], *, origin: Origin, hub: HubServer) -> None:
        super().__init__(address, Handler)
        self.origin = origin
        self.hub = hub
        self.connections: set[socket.socket] = set()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self.server_address[1])


class HubServer:
    """A Hub on this machine.

    Args:
        root: directory of the repositories; what is published later is served at once.
        host: address to listen on.
        port: of the Hub; 0 for a free one.
        cdn_port: of the signed addresses; 0 for a free one.
        tokens: whom it knows, as text (see `parse_tokens`) or as tokens.
        faults: what goes wrong.
        fault_file: a JSON file that replaces `faults` whenever it changes.
        url_seconds: how long signed addresses are good for.
        page_size: entries of a tree's page.
        latency: seconds before each answer.
        bytes_per_second: limit of each body, None for none.
        line: what all bodies share, None for nothing.
        on_answer: called with each request once it was answered.

    Attributes:
        log: the requests so far.
        faults: the faults; may be changed while it runs.
    """

    def __init__(
        self,
        root: Path,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        cdn_port: int = 0,
        tokens: str | Sequence[Token] = (),
        faults: Faults | None = None,
        fault_file: Path | None = None,
        url_seconds: float = 3600.0,
        page_size: int = 1000,
        latency: float = 0.0,
        bytes_per_second: int | None = None,
        line: Line | None = None,
        on_answer: Callable[[Entry], None] | None = None,
    ) -> None:
        self.faults = faults or Faults()
        self.log = RequestLog(on_answer)
        self.latency = latency
        self.bytes_per_second = bytes_per_second
        self.line = line
        self.stopping = threading.Event()
        self._host = host
        self._fault_file = FaultFile(fault_file, faults=self.faults) if fault_file else None
        self._hub = Listener((host, port), origin="hub", hub=self)
        self._cdn = Listener((host, cdn_port), origin="cdn", hub=self)
        self.app = App(
            store=Store(root),
            tokens=parse_tokens(tokens) if isinstance(tokens, str) else tokens,
            signer=Signer(seconds=url_seconds),
            cdn_port=self._cdn.port,
            page_size=page_size,
        )

    @property
    def url(self) -> str:
        """The endpoint, for HF_ENDPOINT."""
        return f"http://{self._host}:{self._hub.port}"

    def start(self) -> None:
        """Begin to answer; both ports have been listening since the object was made."""
        for listener in (self._hub, self._cdn):
            threading.Thread(target=listener.serve_forever, args=(_POLL,), daemon=True).start()

    def stop(self) -> None:
        """End all connections and free the ports."""
        self.stopping.set()
        listeners = (self._hub, self._cdn)
        with ThreadPoolExecutor() as pool:  # each takes up to a poll's time to notice
            list(pool.map(Listener.shutdown, listeners))
        for listener in listeners:
            listener.server_close()
            for connection in list(listener.connections):
                _end(connection)

    def refresh_faults(self) -> None:
        """Read the fault file again if it changed."""
        if self._fault_file is not None:
            self._fault_file.refresh()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _end(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:  # its client was faster
        return
