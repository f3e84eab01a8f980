"""What an operator does about tests: `python -m flows.check_model baseline|data MODEL`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from uuid import UUID

from blocks.errors import BlockError
from blocks.register import Endpoints, object_store, read_endpoints
from blocks.registry import ModelRegistry
from deployments import catalog
from deployments.errors import CatalogError, SettingsError
from deployments.settings import settings
from deployments.spec import ModelSpec
from flows.check_model.baseline import replace_baseline
from flows.check_model.task_data import prepare_data
from k8s.cluster import connect
from k8s.errors import ClusterError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, and return the exit code: 1 if it could not be done."""
    chosen = _parser().parse_args(arguments)
    try:
        spec, endpoints = catalog.load(chosen.model), read_endpoints()
        if chosen.command == "baseline":
            print(_baseline(spec, endpoints, run=str(chosen.run), accept_noise=chosen.noisy))
        else:
            print(_data(spec, endpoints))
    except (BlockError, ClusterError, CatalogError, SettingsError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m flows.check_model", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    baseline = commands.add_parser("baseline", help="compare later tests of a model with this run")
    baseline.add_argument("model", help="a key of the catalog")
    baseline.add_argument("--run", required=True, type=UUID, help="the flow run of a test")
    baseline.add_argument("--noisy", action="store_true", help="also if noise would hide a regression from it")
    data = commands.add_parser("data", help="put the data of a model's tasks into the bucket")
    data.add_argument("model", help="a key of the catalog")
    return parser


def _baseline(spec: ModelSpec, endpoints: Endpoints, *, run: str, accept_noise: bool) -> str:
    registry = ModelRegistry(address=endpoints.slipway_registry_url).client()
    store = object_store(endpoints).client()
    return replace_baseline(spec, run=run, store=store, registry=registry, accept_noise=accept_noise)


def _data(spec: ModelSpec, endpoints: Endpoints) -> str:
    uri = prepare_data(
        spec,
        cluster=connect(),
        environment=settings(),
        bucket=endpoints.slipway_bucket,
        hub=endpoints.hf_endpoint,
        say=print,
    )
    return f"the tasks' data is at {uri}; clusters with SLIPWAY_TASK_DATA=store take it from there"


if __name__ == "__main__":
    sys.exit(main())
