"""The servers that all contestants share: the sandbox's, a Hub of our own for each line, and a line to the store."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cases import Lines
from benchmarks.machine import cpu_seconds
from sandbox import buckets, ports, processes
from sandbox.layout import BUCKET
from sandbox.supervisor import Sandbox

SERVICES = ("prefect", "s3", "registry", "kube")
"""What the flow needs besides a Hub."""
START_SECONDS = 60.0
S3_REQUESTS = re.compile(r"^SeaweedFS_s3_request_total\{.*\} (\d+)$", re.MULTILINE)
CDN_BYTES = re.compile(r"^cdn .* (\d+) bytes ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Counts:
    """What the servers did so far: requests, bytes of weights that the Hub sent, CPU seconds."""

    hub_requests: int
    s3_requests: int
    weight_bytes: int
    cpu: dict[str, float]

    def since(self, before: Counts) -> Counts:
        """What they did after an earlier look."""
        return Counts(
            self.hub_requests - before.hub_requests,
            self.s3_requests - before.s3_requests,
            self.weight_bytes - before.weight_bytes,
            {name: used - before.cpu[name] for name, used in self.cpu.items()},
        )


@dataclass(frozen=True, slots=True)
class Servers:
    """Running servers, reached over the lines of one case.

    Attributes:
        sandbox: the sandbox.
        variables: the environment of contestants.
        hub_log: the requests of the case's Hub, one a line.
        pids: of all servers, by name.
    """

    sandbox: Sandbox
    variables: dict[str, str]
    hub_log: Path
    pids: dict[str, int]

    def counts(self) -> Counts:
        """Look at what they did."""
        asked = self.hub_log.read_text(encoding="utf-8")
        with urllib.request.urlopen(f"{self.sandbox.layout.url('s3-metrics')}/metrics") as metrics:  # noqa: S310 - our own server
            s3_requests = sum(int(count) for count in S3_REQUESTS.findall(metrics.read().decode()))
        return Counts(
            len(re.findall(r"^(?:hub|cdn) [A-Z]+ '/(?!healthz)", asked, re.MULTILINE)),
            s3_requests,
            sum(int(size) for size in CDN_BYTES.findall(asked)),
            {name: cpu_seconds(pid) for name, pid in self.pids.items()},
        )

    def empty_bucket(self) -> None:
        """Delete the bucket and make it anew: the store gives the space of a whole bucket back at once."""
        store = buckets.client(self.sandbox.layout)
        store.delete_bucket(Bucket=BUCKET)
        buckets.provide(self.sandbox.layout, lambda _line: None)


@contextmanager
def reached(sandbox: Sandbox, lines: Lines, *, root: Path, folder: Path) -> Iterator[Servers]:
    """Reach the sandbox over lines: start a Hub that is as far away, and put the store behind a line if need be.

    Args:
        sandbox: it runs.
        lines: the way to both.
        root: the Hub's directory.
        folder: for logs.
    """
    at, free = sandbox.layout, ports.free()
    hub, cdn, line = (free[name] for name in ("hub", "hub-cdn", "s3"))
    pids = {name: _pid(sandbox, name) for name in SERVICES}
    variables = dict(os.environ) | sandbox.environment()
    log = folder / "hub.log"
    with ExitStack() as stack:
        command = ["sandbox.hub", "--root", str(root), "--port", str(hub), "--cdn-port", str(cdn)]
        tokens = {"SANDBOX_HUB_TOKENS": f"{at.secrets.hub_token}:sandbox"}
        rate = ["--line-mib-per-second", str(lines.mib_per_second)] if lines.mib_per_second else []
        latency = ["--latency-ms", str(lines.latency_ms)]
        pids["hub"] = stack.enter_context(_running([*command, *rate, *latency], port=hub, log=log, variables=tokens))
        variables["HF_ENDPOINT"] = f"http://127.0.0.1:{hub}"
        if lines != Lines():
            command = ["benchmarks.s3_line", "--store", at.url("s3"), "--port", str(line)]
            rate = ["--mib-per-second", str(lines.mib_per_second)] if lines.mib_per_second else []
            pids["line"] = stack.enter_context(
                _running([*command, *rate, *latency], port=line, log=folder / "line.log")
            )
            variables["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{line}"
        yield Servers(sandbox, variables, log, pids)


@contextmanager
def _running(module: list[str], *, port: int, log: Path, variables: dict[str, str] | None = None) -> Iterator[int]:
    """Run one of our servers for a block of code; gives its process."""
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [sys.executable, "-m", *module], env=os.environ | (variables or {}), stdout=output, stderr=output
        ) as process,
    ):
        try:
            deadline = time.monotonic() + START_SECONDS
            while ports.is_free(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"{module[0]} does not listen on port {port}:\n{log.read_text(encoding='utf-8')}")
                time.sleep(0.05)
            yield process.pid
        finally:
            process.send_signal(signal.SIGKILL)


def _pid(sandbox: Sandbox, service: str) -> int:
    process = processes.read(sandbox.layout.pid_file(service))
    if process is None:
        raise SystemExit(f"{service} does not run: {sandbox.layout.log(service)}")
    return process.pid
