"""A real Prefect server for tests, on a free port, with all its state in one folder; and workers of it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.integration.ports import free_port

START_SECONDS = 240.0
ANSWER_SECONDS = 60.0
GRACE_SECONDS = 30.0
FOREIGN = ("PREFECT_", "SLIPWAY_")


@contextmanager
def prefect_server(folder: Path, **variables: str) -> Iterator[Callable[[], str]]:
    """Start a server for a block of code; what it gives waits until the server answers, and returns its API's address.

    So that other servers can start meanwhile: this one takes ten seconds.

    Args:
        folder: for its state.
        variables: added to its environment.
    """
    port, log = free_port(), folder / "server.log"
    url = f"http://127.0.0.1:{port}/api"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    environment |= {"PREFECT_HOME": str(folder), "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}
    environment |= variables
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with log.open("w") as output, subprocess.Popen(command, env=environment, stdout=output, stderr=output) as process:

        def ready() -> str:
            _await(f"{url}/health", process=process, log=log)
            return url

        try:
            yield ready
        finally:
            process.kill()  # an orderly stop waits for every client's connection, and there is nothing to save


@contextmanager
def prefect_worker(pool: str, *options: str, environment: Mapping[str, str], log: Path) -> Iterator[None]:
    """Run a worker of type Kubernetes for a block of code.

    Once in a while Prefect's worker hears SIGTERM, says so, and stays. Kubernetes kills such a one after 30 s.

    Args:
        pool: the work pool.
        options: more of `prefect worker start`.
        environment: of its process.
        log: the file that it writes to.
    """
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", pool, "--type", "kubernetes", *options]
    with log.open("w") as output, subprocess.Popen(command, env=environment, stdout=output, stderr=output) as process:
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def ask(api: str, path: str, body: object = None, *, method: str = "POST") -> Any:  # noqa: ANN401 - a JSON document
    """Return what Prefect's API answers; one whose database is busy (503) is asked again, as Prefect's clients do."""
    deadline = time.monotonic() + ANSWER_SECONDS
    while True:
        answer = httpx.request(method, f"{api}{path}", json=body, timeout=ANSWER_SECONDS)
        if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE or time.monotonic() > deadline:
            return answer.raise_for_status().json() if answer.content else answer.raise_for_status()
        time.sleep(0.2)


def _await(url: str, *, process: subprocess.Popen[bytes], log: Path) -> None:
    """Ask the server until it answers; it tells nobody when it is ready."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(url, timeout=2).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise RuntimeError(f"the Prefect server did not start:\n{log.read_text()}")
