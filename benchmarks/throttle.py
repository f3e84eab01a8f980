"""Lets an engine run for a share of the time only, as the kernel does to a container at its CPU limit."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PERIOD_SECONDS = 0.4
"""Four times Linux's own period of a CPU quota, so that a busy machine that wakes us late does not change the share."""


@contextmanager
def throttled(word: str, *, share: float) -> Iterator[None]:
    """Stop and continue a process and all its children, period by period.

    Args:
        word: an argument of the process's command line, for example `--served-model-name=x`.
        share: of the time that it may run, above 0 and below 1.

    Raises:
        ProcessLookupError: no process has that argument.
    """
    family = _family(word)
    if not family:
        raise ProcessLookupError(f"no process has the argument {word}")
    over = threading.Event()

    def turns() -> None:
        while not over.wait(PERIOD_SECONDS * share):
            _signal(family, signal.SIGSTOP)
            over.wait(PERIOD_SECONDS * (1 - share))
            _signal(family, signal.SIGCONT)

    turning = threading.Thread(target=turns, name="throttle")
    turning.start()
    try:
        yield
    finally:
        over.set()
        turning.join()
        _signal(family, signal.SIGCONT)


def _signal(family: list[int], number: signal.Signals) -> None:
    for pid in family:
        with suppress(ProcessLookupError):  # a helper of the engine may end at any time
            os.kill(pid, number)


def _family(word: str) -> list[int]:
    """The processes with an argument, and their descendants, the parents first."""
    parents: dict[int, int] = {}
    found: list[int] = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):  # it ended while we looked
                words = (folder / "cmdline").read_bytes().split(b"\0")
                # The name stands in brackets and may hold blanks; the parent is the second word after it.
                parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                if word.encode() in words:
                    found.append(int(folder.name))
    for pid in found:  # it grows while we walk it
        found += [child for child, parent in parents.items() if parent == pid and child not in found]
    return found
