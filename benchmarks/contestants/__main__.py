"""`python -m benchmarks.contestants NAME MODEL REPO BUCKET PREFIX`: run one contestant and print what it took."""

from __future__ import annotations

import json
import resource
import sys
import time
from pkgutil import resolve_name

from benchmarks.contestants import FUNCTIONS, Errand


def main(name: str, errand: Errand) -> None:
    """Run a contestant; the last line on standard output is JSON."""
    # Imports are not part of it: a process pays for them once, whatever it moves.
    run = resolve_name(FUNCTIONS[name])
    before, began = _cpu_seconds(), time.monotonic()
    run(errand)
    seconds, cpu_seconds = time.monotonic() - began, _cpu_seconds() - before
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds, "peak_bytes": peak * 1024}))


def _cpu_seconds() -> float:
    """CPU time of this process and of the commands that it ran."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


if __name__ == "__main__":
    main(sys.argv[1], Errand(*sys.argv[2:]))
