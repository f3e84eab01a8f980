"""A bounded stock of buffers: what a transfer holds in memory, and no more."""

from __future__ import annotations

import threading


class BuffersClosedError(Exception):
    """The transfer ended; there are no more buffers to wait for."""


class Buffer:
    """Memory for one part, with as many holders as still need its bytes."""

    __slots__ = ("data", "holders")

    def __init__(self, size: int) -> None:
        self.data = bytearray(size)
        self.holders = 0


class Buffers:
    """Hands out at most `count` buffers of `size` bytes at a time, and uses them again; safe to share."""

    def __init__(self, *, count: int, size: int) -> None:
        self._left, self._size = count, size
        self._free: list[Buffer] = []
        self._closed = False
        self._changed = threading.Condition()

    def take(self, *, holders: int) -> Buffer:
        """Wait for a buffer, whose old content is still in it.

        Args:
            holders: how many times it will be let go before it is free again.

        Raises:
            BuffersClosedError: `close` was called.
        """
        with self._changed:
            while not self._free and not self._left and not self._closed:
                self._changed.wait()
            if self._closed:
                raise BuffersClosedError
            if self._free:
                buffer = self._free.pop()
            else:
                self._left -= 1
                buffer = Buffer(self._size)
            buffer.holders = holders
            return buffer

    def let_go(self, buffer: Buffer) -> None:
        """Say that one holder needs the bytes no more."""
        with self._changed:
            buffer.holders -= 1
            if buffer.holders == 0:
                self._free.append(buffer)
                self._changed.notify()

    def close(self) -> None:
        """Wake all who wait; they get BuffersClosedError."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
