"""The tour for a newcomer: every command is shown before it runs, and the end says where to look."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sandbox import environment, receipts, tools
from sandbox.errors import DemoFailedError
from sandbox.layout import NAMESPACE, PROJECT, Layout, program
from sandbox.receipts import Receipt
from sandbox.supervisor import Sandbox
from sandbox.tour import Stop, tour

WATCH_SECONDS = 1200

_PREPARATION = (
    ("python", "-m", "blocks.register"),
    (
        *("prefect", "--no-prompt", "work-pool", "create", "slipway", "--type", "kubernetes"),
        *("--base-job-template", "deployments/work-pool.json", "--overwrite"),
    ),
    ("prefect", "--no-prompt", "deploy", "--all"),
    ("python", "-m", "flows.automations", "apply"),
)
_AGAIN = {
    "import": "no weight byte moves",
    "deploy": "nothing is applied",
    "test": "it is compared with its baseline",
    "compare": "from the latest tests",
}
_RUN_ID = re.compile(r"UUID: ([0-9a-f-]{36})")
_LAST_LINES = 40
_COLUMNS = "140"  # on 80, what a run reports is broken in the middle of names

Say = Callable[[str], None]


def run(sandbox: Sandbox, models: Sequence[str], *, through: str, say: Say) -> None:
    """Bring everything up, register the flows, run them for each model and show what came of it.

    Args:
        sandbox: where; started here.
        models: keys of the catalog.
        through: the last flow to run for each.
        say: told every line.

    Raises:
        SandboxError: a command or a flow run failed.
    """
    began = time.monotonic()
    say("$ python -m sandbox up")
    sandbox.start()
    say('\n$ eval "$(python -m sandbox env)"')
    variables = {**environment.inherited(), **sandbox.environment(), "PYTHONUNBUFFERED": "1", "COLUMNS": _COLUMNS}
    variables["PATH"] = os.pathsep.join((str(Path(program("prefect")).parent), variables.get("PATH", os.defpath)))
    for command in _PREPARATION:
        _show(command, variables=variables, say=say)
    stops = tour(models, through=through)
    runs: dict[Stop, Receipt] = {}
    for number, stop in enumerate(stops, start=1):
        say(f"\n[{number}/{len(stops)}] {stop.deployment}")
        run_id = _run_flow(stop, variables=variables, say=say)
        runs[stop] = receipts.read(sandbox.layout, run_id=run_id)
        say("\n" + "\n".join(receipts.LINES[stop.flow](runs[stop])))
    _ask_what_serves(sandbox.layout, runs=runs, variables=variables, say=say)
    _tell_where_to_look(sandbox.layout, runs=runs, say=say)
    say(f"\nDone in {time.monotonic() - began:.0f} s.")


def _run_flow(stop: Stop, *, variables: Mapping[str, str], say: Say) -> str:
    """Run one flow to its end; return the flow run's id."""
    command = ("prefect", "deployment", "run", stop.deployment, "--watch", "--watch-timeout", str(WATCH_SECONDS))
    try:
        said = _show(command, variables=variables, say=say)
    except DemoFailedError as error:
        run_id = _RUN_ID.search(error.said)
        if run_id:
            _show_last_logs(run_id[1], variables=variables, say=say)
        raise
    found = _RUN_ID.search(said)
    if not found:
        raise DemoFailedError(command=shlex.join(command), reason="named no flow run", said=said)
    return found[1]


def _show_last_logs(run_id: str, *, variables: Mapping[str, str], say: Say) -> None:
    command = ("prefect", "flow-run", "logs", run_id, "--tail", "--num-logs", str(_LAST_LINES))
    try:
        _show(command, variables=variables, say=say)
    except DemoFailedError as error:  # what the caller is about to raise matters more
        say(str(error))


def _show(command: Sequence[str], *, variables: Mapping[str, str], say: Say) -> str:
    """Run a command as a person would, and show what it prints while it prints it.

    Raises:
        DemoFailedError: it failed.
    """
    say(f"\n$ {shlex.join(command)}")
    lines: list[str] = []
    with subprocess.Popen(
        command, cwd=PROJECT, env=dict(variables), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for line in process.stdout or ():
            say(line.rstrip("\n"))
            lines.append(line)
    said = "".join(lines)
    if process.returncode:
        raise DemoFailedError(command=shlex.join(command), reason=f"ended with code {process.returncode}", said=said)
    return said


def _ask_what_serves(at: Layout, *, runs: Mapping[Stop, Receipt], variables: Mapping[str, str], say: Say) -> None:
    """Ask the cluster and each engine, with the commands of a person at a terminal."""
    served = [receipt for stop, receipt in runs.items() if stop.flow == "deploy"]
    if not served:
        return
    commands: list[tuple[str, ...]] = [("kubectl", "--kubeconfig", _path(at.kubeconfig), "get", "isvc")]
    commands += [completion_command(receipt) for receipt in served]
    for command in commands:
        if shutil.which(command[0], path=variables["PATH"]):
            _show(command, variables=variables, say=say)
        else:
            say(f"\n$ {shlex.join(command)}\n({command[0]} is not installed)")


def completion_command(receipt: Receipt) -> tuple[str, ...]:
    """Return the command that asks a deployed model to go on with a sentence."""
    asked = {"model": receipt["service"], "prompt": "The capital of France is", "max_tokens": 8}
    return (
        *("curl", "--silent", "--show-error", "--fail-with-body", f"{receipt['url']}/v1/completions"),
        *("--header", "Content-Type: application/json", "--data", json.dumps(asked)),
    )


def _tell_where_to_look(at: Layout, *, runs: Mapping[Stop, Receipt], say: Say) -> None:
    say("\nLook at the runs in the Prefect UI:")
    for stop, receipt in runs.items():
        say(f"  {stop.deployment:<18} {at.url('prefect')}/runs/flow-run/{receipt['flow_run_id']}")
    say("\nLook around in a shell that knows the sandbox:")
    say('  eval "$(python -m sandbox env)"')
    say("  python -m sandbox objects                        # what is in the bucket")
    say(f"  curl -s {at.url('registry')}/api/model_registry/v1alpha3/registered_models")
    if tools.is_there(tools.KUBECTL):
        say(f"  kubectl get isvc,jobs,pods -n {NAMESPACE}")
    last = list(runs)[-1]
    again = _AGAIN[last.flow]
    say(f"  prefect deployment run {last.deployment} --watch     # again: {again}")
    say("  python -m sandbox down                           # stops everything and keeps the data")


def _path(path: Path) -> str:
    """A path as one types it in the project's folder."""
    return str(path.relative_to(PROJECT)) if path.is_relative_to(PROJECT) else str(path)
