"""What processes use, read from /proc: CPU seconds of servers and of the whole machine, and disk under a folder."""

from __future__ import annotations

import os
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
LOOK_SECONDS = 0.05
USER_TIME, SYSTEM_TIME = 11, 12
"""Places in /proc/PID/stat after the command's name."""
IDLE, IO_WAIT, GUESTS = 3, 4, 8
"""Places in the first line of /proc/stat after its name; guests' time is in user time already."""


def cpu_seconds(pid: int) -> float:
    """CPU time of one process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[USER_TIME]) + int(fields[SYSTEM_TIME])) / TICKS


def busy_seconds() -> float:
    """CPU time of everything on this machine so far, what its host took for others among it."""
    fields = [int(field) for field in Path("/proc/stat").read_text().partition("\n")[0].split()[1:]]
    return (sum(fields[:GUESTS]) - fields[IDLE] - fields[IO_WAIT]) / TICKS


def children_seconds() -> float:
    """CPU time of the processes that this one started and waited for, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def available_bytes() -> int:
    """Memory that may be taken before something else suffers."""
    told = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    return int(told["MemAvailable"].split()[0]) << 10


class Watch:
    """The most bytes that the files of a folder took while it was watched."""

    def __init__(self, folder: Path) -> None:
        self.most = 0
        self._folder = folder

    def look(self) -> None:
        """Look once more."""
        used = 0
        for folder, _, names in os.walk(self._folder):  # passes over folders that are removed meanwhile
            for name in names:
                with suppress(FileNotFoundError):
                    used += Path(folder, name).lstat().st_blocks * 512
        self.most = max(self.most, used)


@contextmanager
def watched(folder: Path) -> Iterator[Watch]:
    """Watch a folder while a block of code runs."""
    watch, over = Watch(folder), threading.Event()

    def keep_looking() -> None:
        while not over.wait(LOOK_SECONDS):
            watch.look()

    watcher = threading.Thread(target=keep_looking, name="watch")
    watcher.start()
    try:
        yield watch
    finally:
        over.set()
        watcher.join()
        watch.look()
