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


class Spares:
    """Buffers of transfers that ended, for those that follow; safe to share.

    Given back to malloc instead, they would stay with the thread that asked for them, and the next transfer's threads
    would ask for their own: eight files took the memory of twelve.
    """

    def __init__(self) -> None:
        self._held: dict[int, list[Buffer]] = {}
        self._lock = threading.Lock()

    def take(self, size: int) -> Buffer:
        """Return a buffer of this size, a new one if there is none."""
        with self._lock:
            held = self._held.get(size)
            return held.pop() if held else Buffer(size)

    def keep(self, buffer: Buffer) -> None:
        """Keep a buffer that nobody holds."""
        with self._lock:
            self._held.setdefault(len(buffer.data), []).append(buffer)


class Buffers:
    """Hands out at most `count` buffers of `size` bytes at a time, and uses them again; safe to share.

    Args:
        count: how many at most.
        size: of each.
        spares: where they come from, and where they go when they are closed; of its own if none are given.
    """

    def __init__(self, *, count: int, size: int, spares: Spares | None = None) -> None:
        self._left, self._size, self._spares = count, size, spares or Spares()
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
                buffer = self._spares.take(self._size)
            buffer.holders = holders
            return buffer

    def let_go(self, buffer: Buffer) -> None:
        """Say that one holder needs the bytes no more."""
        with self._changed:
            buffer.holders -= 1
            if buffer.holders == 0 and self._closed:
                self._spares.keep(buffer)
            elif buffer.holders == 0:
                self._free.append(buffer)
                self._changed.notify()

    def close(self) -> None:
        """Wake all who wait; they get BuffersClosedError."""
        with self._changed:
            self._closed = True
            while self._free:
                self._spares.keep(self._free.pop())
            self._changed.notify_all()
