"""Bounded stocks of buffers: what transfers hold in memory, each and together, and no more."""

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


class Memory:
    """The buffers of all transfers of an import; safe to share.

    Buffers that nobody holds are kept for the transfers that follow. Given back to malloc instead, they would stay with
    the thread that asked for them, and the next transfer's threads would ask for their own: eight files took the memory
    of twelve.

    Args:
        most_bytes: what all buffers may take together; None for no bound. One buffer is had in any case.
    """

    def __init__(self, most_bytes: int | None = None) -> None:
        self.changed = threading.Condition()
        self._most, self._bytes = most_bytes, 0
        self._spare: list[Buffer] = []

    def find(self, size: int) -> Buffer | None:
        """Return a buffer of `size` bytes, None if there is no room; call it, and `keep`, while holding `changed`."""
        for place, buffer in enumerate(self._spare):
            if len(buffer.data) == size:
                return self._spare.pop(place)
        while self._spare and not self._has_room(size):
            self._bytes -= len(self._spare.pop().data)
        if not self._has_room(size):
            return None
        self._bytes += size
        return Buffer(size)

    def keep(self, buffer: Buffer) -> None:
        """Keep a buffer that nobody holds."""
        self._spare.append(buffer)
        self.changed.notify_all()

    def _has_room(self, size: int) -> bool:
        return self._most is None or self._bytes == 0 or self._bytes + size <= self._most


class Buffers:
    """Hands out at most `count` buffers of `size` bytes at a time, and uses them again; safe to share.

    Args:
        count: how many at most.
        size: of each.
        memory: where they come from, shared with other transfers; of its own if none is given.
    """

    def __init__(self, *, count: int, size: int, memory: Memory | None = None) -> None:
        self._left, self._size, self._memory = count, size, memory or Memory()
        self._taken = set[Buffer]()
        self._closed = False

    def take(self, *, holders: int) -> Buffer:
        """Wait for a buffer, whose old content is still in it.

        Args:
            holders: how many times it will be let go before it is free again.

        Raises:
            BuffersClosedError: `close` was called.
        """
        with self._memory.changed:
            while not self._closed:
                if self._left and (buffer := self._memory.find(self._size)):
                    self._left -= 1
                    self._taken.add(buffer)
                    buffer.holders = holders
                    return buffer
                self._memory.changed.wait()
        raise BuffersClosedError

    def let_go(self, buffer: Buffer) -> None:
        """Say that one holder needs the bytes no more."""
        with self._memory.changed:
            buffer.holders -= 1
            if buffer.holders == 0:
                self._left += 1
                self._taken.remove(buffer)
                self._memory.keep(buffer)

    def close(self) -> None:
        """Wake all who wait; they get BuffersClosedError."""
        with self._memory.changed:
            self._closed = True
            self._memory.changed.notify_all()

    def take_back(self) -> None:
        """Give the other transfers what no holder will let go any more. Call it once none of them runs.

        A transfer that fails lets go of nothing that it was reading or had yet to hash: two tasks that were tried again
        would leave the third to wait for memory that nobody holds.
        """
        with self._memory.changed:
            while self._taken:
                self._memory.keep(self._taken.pop())
