"""Ends a read that trickles: bytes that come one by one never are a silence, and would hold an import for days."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Pace:
    """Watches one answer for a block of code, from a thread of its own, because its reader is blocked.

    Args:
        seconds: the time within which the next chunk has to be whole; one that takes less always passes, one that
            takes twice as long never does.
        end: called once where it is not; has to end the read.

    Attributes:
        seconds: as above.
        too_slow: whether the end was called.
    """

    def __init__(self, *, seconds: float, end: Callable[[], None]) -> None:
        self.too_slow = False
        self.seconds, self._end = seconds, end
        self._chunks = 0
        self._over = threading.Event()

    def __enter__(self) -> Self:
        threading.Thread(target=self._watch, name="pace", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()

    def arrived(self) -> None:
        """Count a chunk that came whole."""
        self._chunks += 1

    def _watch(self) -> None:
        before = self._chunks
        while not self._over.wait(self.seconds):
            if self._chunks == before:
                self.too_slow = True
                self._end()
                return
            before = self._chunks
