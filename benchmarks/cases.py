"""What is measured: repositories, lines, who runs, and how much of the version is in the store before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from benchmarks.contestants import COMMANDS, DOWNLOAD, EMPTY, FLOW, SNAPSHOT, TRANSFER, UPLOAD

ALL = (FLOW, TRANSFER, SNAPSHOT, COMMANDS, DOWNLOAD, UPLOAD)
OURS = (FLOW, TRANSFER)

Standing = Literal["nothing", "half", "everything"]


@dataclass(frozen=True, slots=True)
class Replica:
    """The repository of a case: weights in MiB, shards, and further files of 4 KiB."""

    mib: int
    shards: int = 1
    small_files: int = 0


@dataclass(frozen=True, slots=True)
class Lines:
    """The way to the Hub and to the store: latency of each request, and the rate that all connections of one share."""

    latency_ms: int = 0
    mib_per_second: int | None = None

    def __str__(self) -> str:
        """Tell it to a reader."""
        rate = f"{self.mib_per_second} MiB/s each way" if self.mib_per_second else "unthrottled"
        return f"{rate}, {self.latency_ms} ms a request"


@dataclass(frozen=True, slots=True)
class Case:
    """One table of the report.

    Attributes:
        name: on the command line.
        title: for readers.
        replica: what is moved.
        lines: over what.
        contestants: who runs, in turns.
        before: how much of the version the store holds when each run begins.
        runs: of each.
    """

    name: str
    title: str
    replica: Replica
    lines: Lines = Lines()
    contestants: tuple[str, ...] = ALL
    before: Standing = "nothing"
    runs: int = 3


def cases(*, mib: int, runs: int) -> tuple[Case, ...]:
    """All of them.

    Args:
        mib: size of the weights of the large cases; what has many requests or moves little has a share of it.
        runs: of each contestant, for medians.
    """
    shards, short = Replica(mib, 8), Replica(mib // 4, 8)
    mixed, many = Replica(mib // 32, 8, small_files=100), Replica(mib // 32, 1, small_files=1000)
    peers = (TRANSFER, SNAPSHOT, COMMANDS)
    return (
        Case("shards", "8 shards", shards, runs=runs),
        Case("file", "one file", Replica(mib), contestants=(*OURS, SNAPSHOT, COMMANDS), runs=runs),
        Case("half-size", "one file, memory", Replica(mib // 2), contestants=(FLOW,), runs=runs),
        Case("double-size", "one file, memory", Replica(2 * mib), contestants=(FLOW,), runs=runs),
        Case("throttled", "8 shards", shards, Lines(mib_per_second=60), runs=runs),
        Case("latency-20", "8 shards and 100 small files", mixed, Lines(latency_ms=20), contestants=peers, runs=runs),
        Case("latency-100", "8 shards and 100 small files", mixed, Lines(latency_ms=100), contestants=peers, runs=runs),
        Case("small", "1,000 small files", many, contestants=(FLOW, *peers), runs=runs),
        Case("again", "import again", short, contestants=(*OURS, EMPTY), before="everything", runs=runs),
        Case("again-small", "again, 1,000 small files", many, contestants=(FLOW,), before="everything", runs=runs),
        Case("resume", "go on after a kill at half", short, contestants=OURS, before="half", runs=runs),
    )
