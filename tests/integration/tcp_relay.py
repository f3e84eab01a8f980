"""A relay before a server, which can be cut: the server goes on, and whoever came by the relay finds it gone."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_CHUNK_BYTES = 64 << 10


class Relay(socketserver.ThreadingTCPServer):
    """Carries the bytes of each connection to a server and back, TLS or not, until it is cut."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, host: str, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Carrier)
        self.target = host, port
        self._lock, self._open, self._is_cut = threading.Lock(), set[socket.socket](), False

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    def cut(self) -> None:
        """End all connections, and each new one as it comes."""
        with self._lock:
            self._is_cut = True
            for end in self._open:
                _end(end)

    def keep(self, *ends: socket.socket) -> None:
        """Note the two ends of a connection, to end them when the relay is cut."""
        with self._lock:
            self._open.update(ends)
            if self._is_cut:
                for end in ends:
                    _end(end)

    def handle_error(self, request: object, client_address: object) -> None:
        """Connections that end in the middle are what it is for."""


class _Carrier(socketserver.BaseRequestHandler):
    server: Relay

    def handle(self) -> None:
        with socket.create_connection(self.server.target) as upstream:
            self.server.keep(self.request, upstream)
            threading.Thread(target=_carry, args=(upstream, self.request), daemon=True).start()
            _carry(self.request, upstream)


def _carry(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(_CHUNK_BYTES):
            sink.sendall(chunk)
    _end(source)
    _end(sink)


def _end(connection: socket.socket) -> None:
    with suppress(OSError):  # the other side was faster
        connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def relaying(*, host: str, port: int) -> Iterator[Relay]:
    """Run a relay before a server for a block of code."""
    with Relay(host, port) as relay:
        threading.Thread(target=relay.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield relay
        finally:
            relay.cut()
            relay.shutdown()
