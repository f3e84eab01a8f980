"""lm-eval through the flow beside lm-eval at a terminal: `python -m benchmarks.evaluation_throughput quantized`.

Needs a deployed model whose latest test was published, and the evaluation tools (`make evaluation`). The same command
line is run as the Job ran it, with the same questions, against the same service; both times are lm-eval's own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from blocks.object_store import StoreClient
from blocks.register import object_store, read_endpoints
from blocks.registry import ModelRegistry
from deployments import catalog
from flows.check_model.archive import EVALUATION, latest_run, read_subject, run_prefix
from flows.check_model.inside.materials import TOKENIZER, bring_tokenizer
from flows.check_model.record import Subject
from flows.check_model.tools import evaluation_run, tool_environment
from k8s.manifests.evaluation_job import MATERIALS, REPORTS, TOOL_HOME
from sandbox import evaluation

_SECONDS = "total_evaluation_time_seconds"


def main() -> int:
    """Measure, and print one row for each way."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evaluation_throughput", description=__doc__)
    parser.add_argument("model", help="a key of the catalog")
    spec, endpoints = catalog.load(parser.parse_args().model), read_endpoints()
    store = object_store(endpoints).client()
    version = (
        ModelRegistry(address=endpoints.slipway_registry_url).client().find_version(spec.registered_model, spec.version)
    )
    run = latest_run(version) if version else None
    if run is None:
        sys.exit(f"{spec.key} was never tested: prefect deployment run test/{spec.key} --watch")
    subject = read_subject(store, registered_model=spec.registered_model, version=spec.version, run=run)
    through = _flow_seconds(store, subject)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        digest = subject.treatment.manifest_sha256
        bring_tokenizer(store, prefix=spec.prefix, manifest_sha256=digest, folder=folder / TOKENIZER)
        command = evaluation_run(spec, url=subject.url, limit=subject.limit).command
        bare, wall = _bare_seconds(command, folder=folder, hub=endpoints.hf_endpoint)
    print(f"{'way':<10}{'lm-eval, s':>12}")
    print(f"{'terminal':<10}{bare:>12.1f}   ({wall:.1f} s with its start)")
    print(f"{'flow':<10}{through:>12.1f}   throughput {bare / through:.3f} of the terminal's")
    return 0


def _flow_seconds(store: StoreClient, subject: Subject) -> float:
    folder = run_prefix(subject.registered_model, subject.version, run=subject.run) + EVALUATION
    key = next(entry.key for entry in store.list(folder) if entry.key.endswith(".json"))
    return float(json.loads(store.get(key, limit_bytes=1 << 30)[0])[_SECONDS])


def _bare_seconds(command: tuple[str, ...], *, folder: Path, hub: str) -> tuple[float, float]:
    local = {MATERIALS: str(folder), REPORTS: str(folder / "reports"), TOOL_HOME: str(folder / "home")}

    def here(text: str) -> str:
        for inside, outside in local.items():
            text = text.replace(inside, outside)
        return text

    variables = {name: here(value) for name, value in tool_environment(hub=hub).items()}
    python = str(evaluation.folder() / "bin" / "python")
    began = time.monotonic()
    subprocess.run(
        [python, *map(here, command[1:])], env={**os.environ, **evaluation.VARIABLES, **variables}, check=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    wall = time.monotonic() - began
    report = next((folder / "reports").rglob("results_*.json"))
    return float(json.loads(report.read_text())[_SECONDS]), wall


if __name__ == "__main__":
    sys.exit(main())
