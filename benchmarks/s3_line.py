"""An S3 endpoint at the far end of a slow line: `python -m benchmarks.s3_line --store URL --port N`.

Each request waits for the latency once, then its body shares the line with all others. Bodies of answers are passed on
at once: a benchmark of imports reads next to nothing from the store.
"""

from __future__ import annotations

import argparse
import http.client
import socket
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from sandbox.hub.line import Line

PIECE_BYTES = 1 << 16
BUFFER_BYTES = 1 << 18
"""Of the receiving socket: what is in it has left the client without having been on the line."""
HOP_BY_HOP = frozenset({"connection", "keep-alive", "expect", "transfer-encoding"})


class Listener(ThreadingHTTPServer):
    """Accepts clients of one store.

    Args:
        port: to listen on.
        store: address of the store.
        latency: seconds before each request goes on.
        line: what request bodies share, None for nothing.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, *, store: str, latency: float, line: Line | None) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        self.store = urlsplit(store).netloc
        self.latency = latency
        self.line = line


class Handler(BaseHTTPRequestHandler):
    """Passes the requests of one connection on, over a connection of its own."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Listener

    def setup(self) -> None:
        """Make the connection to the store."""
        super().setup()
        self._store = http.client.HTTPConnection(self.server.store)

    def finish(self) -> None:
        """End it with the client's."""
        self._store.close()
        super().finish()

    def do_GET(self) -> None:
        """Pass any request on."""
        time.sleep(self.server.latency)
        self._store.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in HOP_BY_HOP:
                self._store.putheader(name, value)
        self._store.endheaders()
        self._send(int(self.headers.get("Content-Length", 0)))
        response = self._store.getresponse()
        body = response.read()
        self.send_response_only(response.status, response.reason)
        for name, value in response.getheaders():
            if name.lower() not in HOP_BY_HOP | {"content-length"}:
                self.send_header(name, value)
        length = response.getheader("Content-Length") if self.command == "HEAD" else str(len(body))
        self.send_header("Content-Length", length or "0")
        self.end_headers()
        self.wfile.write(body)

    do_PUT = do_POST = do_DELETE = do_HEAD = do_GET  # noqa: N815 - the names that http.server calls

    def log_message(self, *_: object) -> None:
        """Stay silent: the store counts its requests."""

    def _send(self, length: int) -> None:
        piece, line = memoryview(bytearray(PIECE_BYTES)), self.server.line
        while length:
            count = self.rfile.readinto(piece[: min(length, PIECE_BYTES)])
            if not count:
                self.close_connection = True
                return
            if line is not None:
                time.sleep(line.take(count))
            self._store.send(piece[:count])
            length -= count


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", required=True, metavar="URL")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--mib-per-second", type=float, help="limit of all uploads together")
    asked = parser.parse_args()
    line = Line(asked.mib_per_second * (1 << 20)) if asked.mib_per_second else None
    with Listener(asked.port, store=asked.store, latency=asked.latency_ms / 1000, line=line) as listener:
        listener.serve_forever()


if __name__ == "__main__":
    main()
