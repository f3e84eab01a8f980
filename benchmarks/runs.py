"""Runs contestants, each in a process of its own, in turns: a noisy minute hits all of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cases import Case
from benchmarks.contestants import FLOW, TRANSFER, Errand
from benchmarks.contestants.peers import AWS, HF, SCRATCH
from benchmarks.machine import busy_seconds, children_seconds, watched
from benchmarks.repository import MODEL, Repository, published
from benchmarks.servers import Counts, Servers, reached
from deployments import catalog
from sandbox.layout import BUCKET, program
from sandbox.supervisor import Sandbox

LOOK_SECONDS = 0.02
MOST_SECONDS = 600.0
"""A contestant that takes longer is broken."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one contestant.

    Attributes:
        seconds: by the clock, without imports.
        cpu_seconds: of the contestant.
        peak_bytes: its largest process's peak memory.
        scratch: most bytes on disk.
        did: what the servers did.
        others: cores that neither the contestant nor the servers used, but somebody did.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    scratch: int
    did: Counts
    others: float


@dataclass(frozen=True, slots=True)
class Measured:
    """A case with all of its runs.

    Attributes:
        case: what was asked.
        size: bytes of the repository.
        weight_bytes: of its weights.
        runs: by contestant.
    """

    case: Case
    size: int
    weight_bytes: int
    runs: Mapping[str, list[Run]]


def measure(case: Case, sandbox: Sandbox, *, folder: Path, aws: Path) -> Measured:
    """Run a case.

    Args:
        case: what.
        sandbox: it runs.
        folder: for the repository, logs and scratch.
        aws: the AWS command line.
    """
    runs: dict[str, list[Run]] = {name: [] for name in case.contestants}
    with (
        published(case.replica, folder=folder) as repository,
        reached(sandbox, case.lines, root=repository.root, folder=folder) as servers,
    ):
        lane = Lane(case, repository, servers, folder, aws)
        lane.register()
        servers.empty_bucket()
        for _ in range(case.runs):
            for name, done in runs.items():
                lane.prepare()
                done.append(lane.run(name))
    return Measured(case, repository.size, repository.weight_bytes, runs)


class Lane:
    """What the runs of one case share.

    Args:
        case: the case.
        repository: what is moved.
        servers: from where to where.
        folder: for scratch.
        aws: the AWS command line.
    """

    def __init__(self, case: Case, repository: Repository, servers: Servers, folder: Path, aws: Path) -> None:
        spec = catalog.load(MODEL, overlay=repository.catalog)
        self._case, self._servers, self._folder, self._half = case, servers, folder, repository.weight_bytes // 2
        self._errand = Errand(MODEL, spec.source.repo, BUCKET, spec.prefix)
        self._variables = servers.variables | {
            "SLIPWAY_CATALOG_OVERLAY": str(repository.catalog),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
            AWS: str(aws),
            HF: program("hf"),
        }

    def register(self) -> None:
        """Tell the flow's block documents where this case's Hub and store are."""
        subprocess.run([sys.executable, "-m", "blocks.register"], env=self._variables, check=True, capture_output=True)

    def prepare(self) -> None:
        """Bring the store to where the case begins."""
        if self._case.before == "everything":
            self.run(FLOW)  # the first writes the manifest; where it stands already, this moves nothing
            return
        self._servers.empty_bucket()
        if self._case.before == "half":
            self._kill_at_half()

    def run(self, name: str) -> Run:
        """Run a contestant to its end."""
        before, busy, own, began = self._servers.counts(), busy_seconds(), children_seconds(), time.monotonic()
        with (
            tempfile.TemporaryDirectory(dir=self._folder) as scratch,
            watched(Path(scratch)) as watch,
            self._started(name, scratch=scratch) as process,
        ):
            said, complained = process.communicate(timeout=MOST_SECONDS)
        seconds, used = time.monotonic() - began, busy_seconds() - busy
        if process.returncode:
            raise SystemExit(f"{name} failed with {process.returncode}:\n{complained[-4000:]}")
        told = json.loads(said.splitlines()[-1])
        did = self._servers.counts().since(before)
        others = used - (children_seconds() - own) - sum(did.cpu.values())
        return Run(**told, scratch=watch.most, did=did, others=max(0.0, others) / seconds)

    def _kill_at_half(self) -> None:
        """Kill a transfer when the Hub has sent half of the weights."""
        before = self._servers.counts().weight_bytes
        with (
            tempfile.TemporaryDirectory(dir=self._folder) as scratch,
            self._started(TRANSFER, scratch=scratch) as process,
        ):
            while self._servers.counts().weight_bytes - before < self._half and process.poll() is None:
                time.sleep(LOOK_SECONDS)
            process.send_signal(signal.SIGKILL)

    @contextmanager
    def _started(self, name: str, *, scratch: str) -> Iterator[subprocess.Popen[str]]:
        own = {SCRATCH: scratch, "TMPDIR": scratch, "HF_HOME": f"{scratch}/home"}
        errand = (self._errand.model, self._errand.repo, self._errand.bucket, self._errand.prefix)
        with subprocess.Popen(
            [sys.executable, "-m", "benchmarks.contestants", name, *errand],
            env=self._variables | own,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                yield process
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                raise
