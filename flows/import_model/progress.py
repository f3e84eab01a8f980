"""How far an import is: bytes counted by many threads, told as percent, MB/s and time left."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from blocks.errors import BlockError, RejectedError
from flows.import_model.buffers import Memory
from flows.import_model.options import TransferOptions
from flows.import_model.turns import Turns

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
    """A file was given up with its import; nothing of it is visible."""

    def __init__(self) -> None:
        super().__init__(
            "import",
            "given up, because the run was cancelled or another file of it failed. Mend that one, then run again",
        )


class Attempt:
    """One attempt at a file: counts its bytes, and can be ended from any thread.

    Args:
        moved: told of all bytes; a negative count takes some back.
        options: how much of it is in flight.
        memory: where its buffers come from; of its own if none is given.
        has_read: told that the last byte was read, so that another file may read while this one's rest is uploaded.
    """

    def __init__(
        self,
        moved: Callable[[int], None] = lambda _: None,
        *,
        options: TransferOptions = TransferOptions(),  # noqa: B008 - immutable
        memory: Memory | None = None,
        has_read: Callable[[], None] = lambda: None,
    ) -> None:
        self.options, self.memory, self.has_read = options, memory or Memory(), has_read
        self._moved, self._count = moved, 0
        self._stop: Callable[[], None] | None = None
        self._lock = threading.Lock()
        self.ended = False

    def count(self, moved: int) -> None:
        """Count bytes that were transferred.

        Raises:
            AbandonedError: the attempt was ended.
        """
        with self._lock:
            self._count += moved
        self._moved(moved)
        if self.ended:
            raise AbandonedError

    def take_back(self) -> None:
        """Forget the bytes: the attempt failed."""
        self._moved(-self._count)

    def stopped_by(self, stop: Callable[[], None]) -> None:
        """Say what ends the attempt's reads, before the first of them."""
        with self._lock:
            self._stop = stop
        if self.ended:
            stop()

    def end(self) -> None:
        """End the attempt, without waiting for it."""
        self.ended = True
        with self._lock:
            stop = self._stop
        if stop:
            stop()


class Progress:
    """What the transfers of one import share: a count of bytes, turns, and the word to give up. Thread-safe.

    Args:
        total: bytes of all files.
        done: bytes that are in place before the first attempt.
        options: how much may be in flight; a kill loses at most the files that are.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        *,
        total: int,
        done: int,
        options: TransferOptions = TransferOptions(),  # noqa: B008 - immutable
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._total, self._before, self._moved, self._skipped = total, done, 0, 0
        self._clock, self._start = clock, clock()
        self._end: float | None = None
        self._lock = threading.Lock()
        self._options, self._memory = options, Memory(options.import_bytes)
        self._flying, self._reading = Turns(options.in_flight), Turns(options.reading)
        self._abandoned, self._running = False, list[Attempt]()
        self._idle = threading.Condition(self._lock)

    def moved(self, count: int) -> None:
        """Count bytes that were transferred; a negative count takes some back."""
        with self._lock:
            self._moved += count

    def skipped(self, count: int) -> None:
        """Count bytes that turned out to be in place already."""
        with self._lock:
            self._skipped += count

    @contextmanager
    def attempt(self, *, size: int = 0) -> Iterator[Attempt]:
        """Wait for a turn, and follow one attempt at a file. One that fails takes its bytes back.

        Args:
            size: of the file, in bytes; a large one needs more lanes than a small one.

        Raises:
            AbandonedError: the import was abandoned, before or meanwhile.
        """
        lanes = self._options.lanes(size)
        with self._flying.take(lanes), self._reading.take(lanes) as has_read:
            attempt = Attempt(self.moved, options=self._options, memory=self._memory, has_read=has_read)
            with self._lock:
                if self._abandoned:
                    raise AbandonedError
                self._running.append(attempt)
            try:
                yield attempt
            except BaseException as error:
                attempt.take_back()
                if attempt.ended and isinstance(error, BlockError):  # a cancelled read calls itself transient
                    raise AbandonedError from error
                raise
            finally:
                with self._idle:
                    self._running.remove(attempt)
                    self._idle.notify_all()

    def abandon(self) -> None:
        """Let no attempt begin, end the reads of those that run, and wait until none does.

        The import has failed, or was cancelled.
        A cancelled run has half a minute. Whoever waited for a slow Hub's next part would leave its upload behind.
        """
        with self._lock:
            self._abandoned = True
            running = list(self._running)
        for attempt in running:
            attempt.end()
        with self._idle:
            self._idle.wait_for(lambda: not self._running)

    def stop(self) -> None:
        """Stop the clock: what comes after the transfers is not their time."""
        self._end = self._clock()

    def standing(self) -> Standing:
        """Look at the import now."""
        with self._lock:
            done = self._before + self._skipped + self._moved
            now = self._clock() if self._end is None else self._end
            return Standing(done, self._total, self._moved, now - self._start)
