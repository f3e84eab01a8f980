"""The table of a case as text: what each contestant took, medians of its runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

from benchmarks.runs import Measured, Run

MEGABYTE = 1e6
Column = tuple[str, int, int, Callable[[Run], float]]

COLUMNS: tuple[Column, ...] = (
    ("CPU s", 7, 1, lambda run: run.cpu_seconds),
    ("store CPU s", 12, 1, lambda run: run.did.cpu["s3"]),
    ("all servers", 12, 1, lambda run: sum(run.did.cpu.values())),
    ("others", 7, 2, lambda run: run.others),
    ("peak MiB", 9, 0, lambda run: run.peak_bytes / (1 << 20)),
    ("scratch MB", 11, 0, lambda run: run.scratch / MEGABYTE),
    ("weights MB", 11, 0, lambda run: run.did.weight_bytes / MEGABYTE),
    ("hub", 6, 0, lambda run: run.did.hub_requests),
    ("S3", 6, 0, lambda run: run.did.s3_requests),
)
"""Title, width, decimals, value."""
NAME_WIDTH = 30

LEGEND = (
    "Medians. CPU s: of the contestant; all servers: Hub, store, Prefect and lines together; others: cores that\n"
    "whatever else runs on the machine used meanwhile; weights: what the Hub sent of them; hub, S3: requests."
)


def seconds(measured: Measured, name: str) -> float:
    """Median seconds of a contestant."""
    return median(run.seconds for run in measured.runs[name])


def table(measured: Measured) -> list[str]:
    """Lines of a table, a contestant in each."""
    case = measured.case
    size = f"{measured.size / MEGABYTE:,.0f} MB"
    lines = [
        f"{case.name}: {case.title}, {size}; {case.lines}; runs: {case.runs}",
        f"{'':{NAME_WIDTH}}{'seconds':>9}{'spread':>14}{'MB/s':>7}"
        + "".join(f"{title:>{width}}" for title, width, _, _ in COLUMNS),
    ]
    for name, runs in measured.runs.items():
        took = [run.seconds for run in runs]
        lines.append(
            f"{name:{NAME_WIDTH}}{median(took):9.2f}{f'{min(took):.2f}-{max(took):.2f}':>14}"
            f"{measured.size / median(took) / MEGABYTE:7.0f}"
            + "".join(
                f"{median(value(run) for run in runs):{width},.{decimals}f}" for _, width, decimals, value in COLUMNS
            )
        )
    return lines


def cores_busy(measured: Measured, name: str, *, cores: int) -> float:
    """Median share of the machine's cores that a contestant and its servers used."""
    return median((run.cpu_seconds + sum(run.did.cpu.values())) / run.seconds / cores for run in measured.runs[name])


def largest(measured: Sequence[Measured], name: str, value: Callable[[Run], float]) -> float:
    """The largest value that any run of a contestant had, in any case."""
    return max(value(run) for each in measured for run in each.runs.get(name, ()))
