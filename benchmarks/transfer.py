"""Our transfer beside what everybody does, on the same bytes, hub and store: `make bench`.

Prints medians: seconds, MB/s (10^6 bytes), CPU seconds and peak memory of the contestant's process, scratch disk.
Contestants alternate, so that a noisy minute hits all of them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.contestants import CONTESTANTS
from sandbox import replicas
from sandbox.hub import publish
from sandbox.supervisor import Sandbox

REPO = "bench/model"
BUCKET = "llm-models"
LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class Run:
    """One run of one contestant: wall and CPU seconds, peak memory and scratch disk in bytes."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    scratch: int


def measure(name: str, *, environment: dict[str, str], prefix: str) -> Run:
    """Run a contestant in a process of its own."""
    with tempfile.TemporaryDirectory() as scratch:
        most = 0
        over = threading.Event()

        def watch() -> None:
            nonlocal most
            while not over.wait(LOOK_SECONDS):
                most = max(most, _used(Path(scratch)))

        watcher = threading.Thread(target=watch)
        watcher.start()
        with subprocess.Popen(
            [sys.executable, "-m", "benchmarks.contestants", name, REPO, BUCKET, prefix],
            env=environment | {"BENCH_SCRATCH": scratch, "HF_HOME": f"{scratch}/home", "TMPDIR": scratch},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            said, complained = process.communicate()
        over.set()
        watcher.join()
        if process.returncode:
            raise SystemExit(f"{name} failed with {process.returncode}:\n{complained}")
        return Run(**json.loads(said), scratch=most)


def _used(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.lstat().st_blocks * 512
        except FileNotFoundError:  # it was removed while we looked
            continue
    return total


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=1024, help="size of the weights")
    parser.add_argument("--shards", type=int, default=4)
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        state, folder = Path(place, "state"), Path(place, "model")
        with Sandbox(state, services=("s3", "hub"), provision=("bucket",)) as sandbox:
            replicas.build("smollm2", folder, size_bytes=asked.mib << 20, shards=asked.shards)
            publish(sandbox.layout.hub, REPO, folder)
            size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
            environment = dict(os.environ) | sandbox.environment() | {"HF_HUB_DISABLE_XET": "1"}
            runs: dict[str, list[Run]] = {name: [] for name in CONTESTANTS}
            for turn in range(asked.runs):
                for name, done in runs.items():
                    done.append(measure(name, environment=environment, prefix=f"bench/{turn}/{len(name)}/"))
    print(f"{size / 1e6:,.0f} MB, {asked.shards} shards; medians of {asked.runs} runs on {os.cpu_count()} cores")
    print(f"{'':34}{'seconds':>9}{'MB/s':>9}{'CPU s':>8}{'peak MiB':>10}{'scratch MB':>12}")
    for name, done in runs.items():
        seconds = median(run.seconds for run in done)
        print(
            f"{name:34}{seconds:9.2f}{size / seconds / 1e6:9.0f}{median(run.cpu_seconds for run in done):8.2f}"
            f"{median(run.peak_bytes for run in done) / 2**20:10.0f}{median(run.scratch for run in done) / 1e6:12.0f}"
        )


if __name__ == "__main__":
    main()
