"""Prefect's Kubernetes worker against the sandbox's Kubernetes: a flow run as a pod, and a pod that crashes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import kubernetes
import pytest
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import State

from tests.integration.prefect_server import prefect_server, prefect_worker
from tests.integration.sandbox_kube import Pods, Server, gone, serving

FLOW = """
import os

from prefect import flow, task


@task
def add(a: int, b: int) -> int:
    return a + b


@flow(log_prints=True)
def trivial() -> None:
    print("sum", add(1, 2), "as", os.environ["HOSTNAME"])
"""
RUN = "python -m prefect flow-run execute"
CRASH = "python -c 'print(\"out of luck\", flush=True); import os; os.kill(os.getpid(), 9)'"


class Prefect:
    """A Prefect server and a worker of a Kubernetes pool."""

    def __init__(self, api: str) -> None:
        self.api = api

    def start(self, command: str) -> UUID:
        """Start a flow run whose pod runs a command."""
        return asyncio.run(self._start(command))

    async def _start(self, command: str) -> UUID:
        async with PrefectClient(self.api) as client:
            flow = await client.create_flow_from_name("trivial")
            variables = {"image": "test/flows:1", "command": command, "namespace": "default"}
            deployment = await client.create_deployment(
                flow, command[:9], entrypoint="trivial_flow.trivial", work_pool_name="kube", job_variables=variables
            )
            return (await client.create_flow_run_from_deployment(deployment)).id

    def state(self, run: UUID) -> State:
        """Return a run's state."""
        return asyncio.run(self._state(run))

    async def _state(self, run: UUID) -> State:
        async with PrefectClient(self.api) as client:
            state = (await client.read_flow_run(run)).state
            assert state is not None
            return state


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serve a cluster that has an image with our Python in it."""
    folder = tmp_path_factory.mktemp("kube")
    (folder / "flows").mkdir()
    (folder / "flows" / "trivial_flow.py").write_text(FLOW)
    programs = [str(Path(sys.executable).parent), "/usr/bin", "/bin"]
    with serving(folder) as server:
        server.map_images({"test/flows": {"path": programs, "env": {"PYTHONPATH": str(folder / "flows")}}})
        yield server


@pytest.fixture(scope="module")
def prefect(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prefect]:
    """Run a Prefect server and a worker, each with a home of its own."""
    home = tmp_path_factory.mktemp("prefect")
    with prefect_server(home) as ready:
        env = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(home),
            "PREFECT_HOME": str(home / "worker"),
            "PREFECT_API_URL": ready(),
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            "PREFECT_INTEGRATIONS_KUBERNETES_OBSERVER_NAMESPACES": "default",
            "KUBECONFIG": str(server.kubeconfig),
        }
        command = [sys.executable, "-m", "prefect"]
        subprocess.run([*command, "work-pool", "create", "kube", "--type", "kubernetes"], env=env, check=True)
        with prefect_worker("kube", environment=env, log=home / "worker.log"):
            yield Prefect(env["PREFECT_API_URL"])


def _pod_of(pods: Pods, run: UUID) -> str:
    """Return the name of a flow run's pod, once it has ended."""
    watch = kubernetes.watch.Watch()
    for event in watch.stream(
        pods.core.list_namespaced_pod, "default", label_selector=f"prefect.io/flow-run-id={run}", timeout_seconds=240
    ):
        if event["raw_object"]["status"]["phase"] in {"Succeeded", "Failed"}:
            watch.stop()
            return str(event["raw_object"]["metadata"]["name"])
    pytest.fail("the flow run's pod did not end")


def test_the_worker_runs_flows_as_pods_and_notices_those_that_crash(server: Server, prefect: Prefect) -> None:
    """`prefect deployment run` would hang, and a run whose pod died would stay `Running` for ever.

    One test for both: the worker's observer takes 30 s to call a run crashed, and needs a server to be started.
    """
    crashing = prefect.start(CRASH)
    completing = prefect.start(RUN)
    pods = Pods(server.client())
    name = _pod_of(pods, completing)
    assert f"sum 3 as {name}" in pods.log(name)
    assert prefect.state(completing).is_completed()
    assert gone(lambda: prefect.state(crashing).is_final(), seconds=240)
    assert prefect.state(crashing).is_crashed()
