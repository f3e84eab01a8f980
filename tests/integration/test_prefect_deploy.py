"""`prefect deploy --all` against a real Prefect server: the deployments, and what its API refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deployments.catalog import keys
from tests.integration.prefect_server import FOREIGN, ask, prefect_server

ROOT = Path(__file__).parents[2]
Prefect = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running Prefect server."""
    with prefect_server(tmp_path_factory.mktemp("server")) as ready:
        yield ready()


@pytest.fixture(scope="module")
def environment(server: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a terminal that talks to a server of its own."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return {
        **inherited,
        "PREFECT_HOME": str(tmp_path_factory.mktemp("prefect")),
        "PREFECT_API_URL": server,
        "SLIPWAY_FLOWS_IMAGE": "registry.example.com/slipway-flows:1",
    }


@pytest.fixture(scope="module")
def prefect(server: str, environment: dict[str, str]) -> Prefect:
    """Run a command of Prefect in the project's folder, with the work pool and the deployments made."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "prefect", *arguments]
        # Rich would wrap messages in the middle of a name.
        wide = {**environment, "COLUMNS": "400"}
        return subprocess.run(command, env=wide, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)

    template = json.loads((ROOT / "deployments" / "work-pool.json").read_text())
    pool = {"name": "slipway", "type": "kubernetes", "base_job_template": template}
    ask(server, "/work_pools/", pool)
    deployed = run("deploy", "--all", "--no-prompt")
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    return run


def test_deploy_makes_a_deployment_for_each_model(prefect: Prefect, server: str) -> None:
    """`prefect deployment run deploy/<model>` would find nothing."""
    assert prefect
    for flow in ("import", "deploy", "remove", "verify"):
        wanted = {"sort": "NAME_ASC", "flows": {"name": {"any_": [flow]}}}
        found = ask(server, "/deployments/filter", wanted)
        assert [(made["name"], made["parameters"], made["job_variables"]["image"]) for made in found] == [
            (key, {"model": key}, "registry.example.com/slipway-flows:1") for key in keys()
        ]


def test_the_api_refuses_an_unknown_model(prefect: Prefect, server: str) -> None:
    """A typo would cost a pod, and be found minutes later."""
    done = prefect("deployment", "run", "import/quantized", "--param", "model=quantised")
    assert done.returncode != 0
    assert f"'quantised' is not one of {keys()}" in done.stdout + done.stderr
    assert ask(server, "/flow_runs/count", {}) == 0
