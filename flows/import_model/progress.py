"""How far an import is: bytes counted by many threads, told as percent, MB/s and time left."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

MEGABYTE = 1_000_000


def size_text(size: int) -> str:
    """Tell a number of bytes to a person, in kB or MB of powers of ten."""
    return f"{size / MEGABYTE:,.1f} MB" if size >= MEGABYTE else f"{size / 1000:,.1f} kB"


@dataclass(frozen=True, slots=True)
class Standing:
    """One look at a running import.

    Attributes:
        done: bytes that are in place, skipped ones among them.
        total: bytes of the whole file set.
        moved: bytes that this run transferred.
        seconds: time since this run began to transfer.
    """

    done: int
    total: int
    moved: int
    seconds: float

    @property
    def percent(self) -> float:
        """Share of the bytes in place, 0 to 100."""
        return 100.0 * self.done / self.total if self.total else 100.0

    @property
    def rate(self) -> float:
        """Mean transfer rate of this run, in bytes per second."""
        return self.moved / self.seconds if self.seconds else 0.0

    def sentence(self) -> str:
        """Tell the standing as one line: bytes, MB/s and the time left."""
        line = f"{self.done / MEGABYTE:,.1f} of {self.total / MEGABYTE:,.1f} MB, {self.rate / MEGABYTE:,.1f} MB/s"
        left = self.total - self.done
        return f"{line}, {left / self.rate:,.0f} s left" if left and self.rate else line


class Progress:
    """A thread-safe count of bytes, shared by the transfers of one import."""

    def __init__(self, *, total: int, done: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._total, self._before, self._moved, self._skipped = total, done, 0, 0
        self._clock, self._start = clock, clock()
        self._end: float | None = None
        self._lock = threading.Lock()

    def moved(self, count: int) -> None:
        """Count bytes that were transferred; a negative count takes some back."""
        with self._lock:
            self._moved += count

    def skipped(self, count: int) -> None:
        """Count bytes that turned out to be in place already."""
        with self._lock:
            self._skipped += count

    @contextmanager
    def attempt(self) -> Iterator[Callable[[int], None]]:
        """Count the bytes of one attempt at a file by the call that it gives; a failed attempt takes them back."""
        counts: list[int] = []

        def count(moved: int) -> None:
            counts.append(moved)
            self.moved(moved)

        try:
            yield count
        except BaseException:
            self.moved(-sum(counts))
            raise

    def stop(self) -> None:
        """Stop the clock: what comes after the transfers is not their time."""
        self._end = self._clock()

    def standing(self) -> Standing:
        """Look at the import now."""
        with self._lock:
            done = self._before + self._skipped + self._moved
            now = self._clock() if self._end is None else self._end
            return Standing(done, self._total, self._moved, now - self._start)
