"""Put a body on a connection: as fast as the kernel can, at a given rate, or with a fault."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import dataclass

from sandbox.hub.faults import Corrupt, Drop, Effect, Slow, Stall
from sandbox.hub.line import Line
from sandbox.hub.messages import Body, BytesBody
from sandbox.hub.request_log import Entry

_TICK = 0.05  # seconds between the pieces of a slowed-down body
_SHARED_PIECE = 1 << 16  # bytes that one body puts on a shared line before another has its turn


class DroppedError(Exception):
    """The connection has to end here: a fault asked for it.

    Attributes:
        reset: by a reset instead of an orderly close.
    """

    def __init__(self, *, reset: bool) -> None:
        super().__init__("dropped by a fault")
        self.reset = reset


@dataclass(frozen=True)
class Transmission:
    """How bodies go out on a connection.

    Attributes:
        connection: the client's socket.
        stopping: set when the server stops; ends pauses.
        bytes_per_second: limit of each body, None for none.
        line: shared by the bodies of all connections, None for none.
    """

    connection: socket.socket
    stopping: threading.Event
    bytes_per_second: int | None = None
    line: Line | None = None

    def send(self, body: Body, *, effect: Effect, entry: Entry) -> None:
        """Send a body.

        Args:
            body: the bytes.
            effect: the fault to show.
            entry: counts the bytes.

        Raises:
            DroppedError: the fault ends the connection.
            OSError: the client ended it.
        """
        rate = effect.bytes_per_second if isinstance(effect, Slow) else self.bytes_per_second
        match effect:
            case Drop(after=int() as after, reset=reset):
                self._copy(body, 0, min(after, body.length), rate=rate, entry=entry)
                raise DroppedError(reset=reset)
            case Stall(seconds=seconds, after=after):
                first = min(after, body.length)
                self._copy(body, 0, first, rate=rate, entry=entry)
                self.stopping.wait(seconds)
                self._copy(body, first, body.length - first, rate=rate, entry=entry)
            case Corrupt(offset=offset, length=length):
                begin = min(max(offset - body.start, 0), body.length)
                end = min(max(offset + length - body.start, begin), body.length)
                self._copy(body, 0, begin, rate=rate, entry=entry)
                wrong = bytes(byte ^ 0xFF for byte in _read(body, begin, end - begin))
                self._copy(BytesBody(wrong), 0, len(wrong), rate=rate, entry=entry)
                self._copy(body, end, body.length - end, rate=rate, entry=entry)
            case _:
                self._copy(body, 0, body.length, rate=rate, entry=entry)

    def _copy(self, body: Body, start: int, count: int, *, rate: int | None, entry: Entry) -> None:
        if self.line is not None:
            self._share(self.line, body, start, count, entry=entry)
            return
        if rate is None:
            self._copy_piece(body, start, count, entry=entry)
            return
        began, done = time.monotonic(), 0
        while done < count and not self.stopping.is_set():
            piece = min(max(1, int(rate * _TICK)), count - done)
            self._copy_piece(body, start + done, piece, entry=entry)
            done += piece
            self.stopping.wait(max(0.0, began + done / rate - time.monotonic()))

    def _share(self, line: Line, body: Body, start: int, count: int, *, entry: Entry) -> None:
        done = 0
        while done < count and not self.stopping.is_set():
            piece = min(_SHARED_PIECE, count - done)
            self.stopping.wait(line.take(piece))
            self._copy_piece(body, start + done, piece, entry=entry)
            done += piece

    def _copy_piece(self, body: Body, start: int, count: int, *, entry: Entry) -> None:
        if count <= 0:
            return
        if isinstance(body, BytesBody):
            self.connection.sendall(memoryview(body.data)[start : start + count])
            entry.sent += count
            return
        offset = body.start + start
        with body.path.open("rb", buffering=0) as stream:
            try:
                # The kernel copies; Python only waits, so that benchmarks beside us keep their cores.
                self.connection.sendfile(stream, offset, count)
            finally:
                entry.sent += stream.tell() - offset


def _read(body: Body, start: int, count: int) -> bytes:
    if isinstance(body, BytesBody):
        return body.data[start : start + count]
    with body.path.open("rb") as stream:
        stream.seek(body.start + start)
        return stream.read(count)
