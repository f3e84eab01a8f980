"""How far an import is: bytes counted by many threads, told as percent, MB/s and time left."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from blocks.errors import RejectedError

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


class AbandonedError(RejectedError):
    """A file was given up because another one had failed; nothing of it is visible."""

    def __init__(self) -> None:
        super().__init__(
            "import", "given up, because another file of this import failed. Mend that one, then run again"
        )


class Progress:
    """What the transfers of one import share: a count of bytes, turns, and the word to give up. Thread-safe.

    Args:
        total: bytes of all files.
        done: bytes that are in place before the first attempt.
        at_once: attempts that may run at the same time; a kill loses at most the files of so many.
        clock: monotonic seconds.
    """

    def __init__(self, *, total: int, done: int, at_once: int = 1, clock: Callable[[], float] = time.monotonic) -> None:
        self._total, self._before, self._moved, self._skipped = total, done, 0, 0
        self._clock, self._start = clock, clock()
        self._end: float | None = None
        self._lock = threading.Lock()
        self._turns = threading.BoundedSemaphore(at_once)
        self._abandoned = threading.Event()

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
        """Wait for a turn, and count the bytes of one attempt at a file by the call that it gives.

        An attempt that fails takes its bytes back.

        Raises:
            AbandonedError: here, or out of the call, once the import was abandoned.
        """
        counts: list[int] = []

        def count(moved: int) -> None:
            counts.append(moved)
            self.moved(moved)
            self._check()

        with self._turns:
            self._check()
            try:
                yield count
            except BaseException:
                self.moved(-sum(counts))
                raise

    def abandon(self) -> None:
        """Let no attempt begin, and end those that run at their next part: the import has failed already."""
        self._abandoned.set()

    def _check(self) -> None:
        if self._abandoned.is_set():
            raise AbandonedError

    def stop(self) -> None:
        """Stop the clock: what comes after the transfers is not their time."""
        self._end = self._clock()

    def standing(self) -> Standing:
        """Look at the import now."""
        with self._lock:
            done = self._before + self._skipped + self._moved
            now = self._clock() if self._end is None else self._end
            return Standing(done, self._total, self._moved, now - self._start)
