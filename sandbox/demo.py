"""The tour for a newcomer: every command of an import is shown before it runs, and the end says where to look."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sandbox import buckets, environment, tools
from sandbox.errors import DemoFailedError
from sandbox.layout import BUCKET, NAMESPACE, PROJECT, Layout, program
from sandbox.supervisor import Sandbox

WATCH_SECONDS = 600

_PREPARATION = (
    ("python", "-m", "blocks.register"),
    (
        *("prefect", "--no-prompt", "work-pool", "create", "slipway", "--type", "kubernetes"),
        *("--base-job-template", "deployments/work-pool.json", "--overwrite"),
    ),
    ("prefect", "--no-prompt", "deploy", "--all"),
    ("python", "-m", "flows.automations", "apply"),
)
_RUN_ID = re.compile(r"UUID: ([0-9a-f-]{36})")
_RECEIPT_ROWS = {
    "repo": "from",
    "commit": "commit",
    "uri": "weights",
    "manifest_sha256": "manifest",
    "runtime_image": "image",
    "registry_url": "registry",
    "receipt": "receipt",
}
_LAST_LINES = 40


def run(sandbox: Sandbox, models: Sequence[str], *, say: Callable[[str], None]) -> None:
    """Bring everything up, deploy the flows, import the models and show what came of it.

    Args:
        sandbox: where; started here.
        models: keys of the catalog.
        say: told every line.

    Raises:
        SandboxError: a command or an import failed.
    """
    began = time.monotonic()
    say("$ python -m sandbox up")
    sandbox.start()
    say('\n$ eval "$(python -m sandbox env)"')
    variables = {**environment.inherited(), **sandbox.environment(), "PYTHONUNBUFFERED": "1"}
    variables["PATH"] = os.pathsep.join((str(Path(program("prefect")).parent), variables.get("PATH", os.defpath)))
    for command in _PREPARATION:
        _show(command, variables=variables, say=say)
    runs: dict[str, str] = {}
    for model in models:
        runs[model] = run_id = _import(model, variables=variables, say=say)
        say("\n" + "\n".join(receipt_lines(_receipt(sandbox.layout, run_id=run_id))))
    _tell_where_to_look(sandbox.layout, runs=runs, say=say)
    say(f"\nDone in {time.monotonic() - began:.0f} s.")


def _import(model: str, *, variables: Mapping[str, str], say: Callable[[str], None]) -> str:
    """Run one import to its end; return the flow run's id."""
    command = ("prefect", "deployment", "run", f"import/{model}", "--watch", "--watch-timeout", str(WATCH_SECONDS))
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


def _show_last_logs(run_id: str, *, variables: Mapping[str, str], say: Callable[[str], None]) -> None:
    command = ("prefect", "flow-run", "logs", run_id, "--tail", "--num-logs", str(_LAST_LINES))
    try:
        _show(command, variables=variables, say=say)
    except DemoFailedError as error:  # what the caller is about to raise matters more
        say(str(error))


def _show(command: Sequence[str], *, variables: Mapping[str, str], say: Callable[[str], None]) -> str:
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


def _receipt(at: Layout, *, run_id: str) -> dict[str, Any]:
    """What the import itself wrote down.

    Raises:
        DemoFailedError: a run that succeeded left no receipt.
    """
    for key, _ in buckets.objects(at, prefix="receipts/"):
        if key.endswith(f"/{run_id}.json"):
            receipt: dict[str, Any] = json.loads(buckets.read(at, key))
            return {**receipt, "receipt": f"s3://{BUCKET}/{key}"}
    raise DemoFailedError(
        command=f"python -m sandbox objects receipts/ | grep {run_id}", reason="finds no receipt of the run", said=""
    )


def receipt_lines(receipt: Mapping[str, Any]) -> list[str]:
    """Tell a receipt in lines; what the import did not write down is left out."""
    moved, total = receipt.get("files_moved"), receipt.get("files_total")
    size = receipt.get("bytes_moved") or 0
    told = (
        f"{moved} of {total} files, {size / 1e6:,.1f} MB"
        if size
        else f"no weight bytes: all {total} files were in place"
    )
    name = f"{receipt.get('registered_model')} / {receipt.get('version')}"
    return [
        f"Imported {name}: a replica of the sandbox, not the real model",
        f"  {'moved':<10} {told}",
        *(f"  {title:<10} {receipt[key]}" for key, title in _RECEIPT_ROWS.items() if receipt.get(key)),
    ]


def _tell_where_to_look(at: Layout, *, runs: Mapping[str, str], say: Callable[[str], None]) -> None:
    say("\nLook at the runs in the Prefect UI:")
    for model, run_id in runs.items():
        say(f"  {model:<10} {at.url('prefect')}/runs/flow-run/{run_id}")
    say("\nLook around in a shell that knows the sandbox:")
    say('  eval "$(python -m sandbox env)"')
    say("  python -m sandbox objects                        # what is in the bucket")
    say(f"  curl -s {at.url('registry')}/api/model_registry/v1alpha3/registered_models")
    if tools.is_there(tools.KUBECTL):
        say(f"  kubectl get jobs,pods -n {NAMESPACE}")
    say(f"  prefect deployment run import/{next(iter(runs))} --watch     # again: no weight byte moves")
    say("  python -m sandbox down                           # stops everything and keeps the data")
