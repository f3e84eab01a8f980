"""`python -m benchmarks`: measure our import beside its peers and the limits, on the same bytes, hub and store.

Everything lives in memory (/dev/shm) where there is room, so that no disk is measured; peers gain most from that.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import aws
from benchmarks.cases import Case, Replica, cases
from benchmarks.chart import draw
from benchmarks.contestants import FLOW
from benchmarks.machine import available_bytes
from benchmarks.page import publish_report
from benchmarks.report import LEGEND, table
from benchmarks.runs import Measured, measure
from benchmarks.servers import SERVICES
from benchmarks.targets import targets
from sandbox.supervisor import Sandbox

MEMORY = Path("/dev/shm")  # noqa: S108 - a file system in memory, not a predictable name
ROOM = 5
"""Repository, its copy in the store, and a peer's scratch or twice the size of a file, with some air."""
MIB = 2048


def main() -> int:
    """Measure, print tables and targets, draw the chart; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--mib", type=int, default=MIB, help="weights of the large cases")
    parser.add_argument("--runs", type=int, default=3, help="of each contestant")
    parser.add_argument("--cases", nargs="*", default=[], metavar="NAME", help="only these")
    parser.add_argument("--out", type=Path, default=Path("build/bench"), help="folder for report.txt and chart.png")
    parser.add_argument("--docs", action="store_true", help="put report and chart into docs/performance.md, too")
    asked = parser.parse_args()
    known = {case.name: case for case in cases(mib=asked.mib, runs=asked.runs)}
    if unknown := set(asked.cases) - set(known):
        parser.error(f"no such case: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    wanted = [case for name, case in known.items() if not asked.cases or name in asked.cases]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that no server is left
    lines, measured = _measure_all(wanted, place=_place(asked.mib << 20))
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "report.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    draw(measured, file=asked.out / "chart.png")
    if asked.docs:
        publish_report(lines, chart=asked.out / "chart.png")
    print(f"\nThe report and a chart are in {asked.out}")
    return 0


def _measure_all(wanted: list[Case], *, place: Path) -> tuple[list[str], list[Measured]]:
    lines: list[str] = []

    def say(line: str) -> None:
        lines.append(line)
        print(line, flush=True)

    began, measured = time.monotonic(), []
    program = aws.ensure()
    with tempfile.TemporaryDirectory(prefix="bench-", dir=place) as folder:
        provision = ("bucket", "cluster", "base-image")
        with Sandbox(Path(folder, "state"), services=SERVICES, provision=provision) as sandbox:
            say(f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}")
            say(f"files in {'memory' if place == MEMORY else 'the temporary folder'}; load {os.getloadavg()[0]:.1f}")
            # Builds the runtime image, which is no part of the transfer and unchanged afterwards.
            warm = Case("warm-up", "", Replica(16), contestants=(FLOW,), runs=1)
            measure(warm, sandbox, folder=Path(folder), aws=program)
            for case in wanted:
                measured.append(measure(case, sandbox, folder=Path(folder), aws=program))
                say("")
                for line in table(measured[-1]):
                    say(line)
    say(f"\n{LEGEND}\n")
    for target in targets(measured, cores=os.cpu_count() or 1):
        say(target.line())
    say(f"\nmeasured in {time.monotonic() - began:.0f} s; load {os.getloadavg()[0]:.1f}")
    return lines, measured


def _place(size: int) -> Path:
    """Memory if it has room for the largest case, else the temporary folder."""
    if MEMORY.is_dir() and min(shutil.disk_usage(MEMORY).free, available_bytes()) > ROOM * size:
        return MEMORY
    return Path(tempfile.gettempdir())


if __name__ == "__main__":
    sys.exit(main())
