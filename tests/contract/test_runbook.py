"""docs/runbook.md: its commands exist, and name objects and deployments that do."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec

import pytest
import yaml

from flows.apply_platform.__main__ import _parser
from flows.apply_platform.secret_table import secret_specs
from k8s.manifests.kserve_storage import S3Address
from tests.contract.platform_objects import PROJECT, rendered

TEXT = (PROJECT / "docs" / "runbook.md").read_text()
NAMESPACED = re.compile(
    r"\b(deployment|service|job)[/ ]([a-z][a-z0-9-]+) -n ([a-z-]+)|-n ([a-z-]+) (deployment|service)/([a-z0-9-]+)"
)
PREFECT = sorted(set(re.findall(r"\bprefect ((?:deployment|flow-run|work-pool) [a-z]+|deploy)\b(?! run)", TEXT)))
CHECK = """
import sys
from prefect.cli import app
for words in sys.argv[1:]:
    sys.argv[1:] = [*words.split(), "--help"]
    try:
        app()
    except SystemExit as done:
        if done.code:
            sys.exit(f"prefect {words} ends with {done.code}")
"""
"""Asks for the help of many commands of Prefect in one process, because each takes a second to start."""
KUBECTL = sorted(set(re.findall(r"\bkubectl ([a-z][a-z-]+)", TEXT)))


def test_every_object_that_is_named_is_applied() -> None:
    """`kubectl logs deployment/…` in the middle of an outage would find nothing."""
    known = {
        (each["kind"].lower(), each["metadata"]["name"], each["metadata"].get("namespace"))
        for each in rendered("kubernetes")
    }
    named = {
        (kind or kind_after, name or name_after, namespace or before)
        for kind, name, namespace, before, kind_after, name_after in NAMESPACED.findall(TEXT)
    }
    assert len(named) >= 6
    assert named <= known


def test_every_deployment_that_is_run_exists() -> None:
    """A renamed flow would leave the runbook behind."""
    written = yaml.safe_load((PROJECT / "prefect.yaml").read_text())
    known = {f"{made['tags'][0]}/{made['name']}" for made in written["deployments"]}
    named = set(re.findall(r"prefect deployment run ([a-z]+/[a-z0-9]+)", TEXT))
    assert named
    assert named <= known


def test_every_module_that_is_run_exists() -> None:
    """`python -m` of a module that was moved says only that there is none."""
    modules = set(re.findall(r"python -m ([a-z_.]+)", TEXT))
    assert all(find_spec(f"{module}.__main__") for module in modules)


def test_every_option_of_our_own_command_exists() -> None:
    """An option that is refused costs a rotation its second half."""
    options = {option for line in re.findall(r"flows\.apply_platform([^`\n#]*)", TEXT) for option in line.split()}
    known = {option for action in _parser()._actions for option in action.option_strings}  # noqa: SLF001 - argparse has no public list
    assert {option for option in options if option.startswith("--")} <= known
    rotated = set(re.findall(r"--rotate ([a-z-]+)", TEXT))
    frozen = {
        spec.name
        for spec in secret_specs(S3Address(endpoint="http://minio:9000"))
        if any(variable.frozen for variable in spec.keys.values())
    }
    assert rotated == frozen


@pytest.mark.parametrize("command", KUBECTL)
def test_every_kubectl_command_exists(command: str) -> None:
    """A command of an older kubectl would be found missing when it is needed."""
    done = subprocess.run(["kubectl", command, "--help"], capture_output=True, check=False)
    assert done.returncode == 0


def test_every_prefect_command_exists() -> None:
    """Prefect renames its commands between releases."""
    assert len(PREFECT) >= 8
    done = subprocess.run([sys.executable, "-c", CHECK, *PREFECT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
