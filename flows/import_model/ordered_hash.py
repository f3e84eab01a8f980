"""Hashes a file's parts in their order while they arrive in any, and keeps their buffers until they are hashed."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable


class OrderedHash:
    """SHA-256 over parts that come out of order; safe to share between threads.

    There is no thread of its own: whoever brings the next part in order hashes it, and all that waited for it.
    Hashing lets other threads run. What waits is bounded by whoever hands out the buffers.
    """

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()
        self._waiting: dict[int, tuple[memoryview, Callable[[], None]]] = {}
        self._next = 1
        self._busy = False
        self._lock = threading.Lock()

    def add(self, number: int, content: memoryview, *, done: Callable[[], None]) -> None:
        """Bring a part.

        Args:
            number: its place; the first is 1.
            content: its bytes, which must not change until `done`.
            done: called once, when the bytes are not needed any more; from any of the threads.
        """
        with self._lock:
            self._waiting[number] = (content, done)
            if self._busy:
                return
            self._busy = True
        while True:
            with self._lock:
                item = self._waiting.pop(self._next, None)
                if item is None:
                    self._busy = False
                    return
                self._next += 1
            content, done = item
            self._sha256.update(content)
            done()

    def hexdigest(self, *, parts: int) -> str:
        """The digest in hex, after all of the parts.

        Raises:
            RuntimeError: not so many were hashed; a mistake of the caller's.
        """
        with self._lock:
            if self._next != parts + 1 or self._busy:
                raise RuntimeError(f"{self._next - 1} of {parts} parts were hashed")
            return self._sha256.hexdigest()
