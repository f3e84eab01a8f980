"""What a deploy applies, for GitOps repositories and `kubectl diff`: `python -m flows.deploy_model render MODEL`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from blocks.errors import BlockError
from blocks.register import object_store, read_endpoints
from blocks.registry import ModelRegistry
from deployments import catalog
from deployments.errors import CatalogError, SettingsError
from deployments.settings import settings
from flows.deploy_model.release import find_release
from flows.deploy_model.wanted import wanted_objects
from k8s.errors import ClusterError
from k8s.render import model_yaml


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a model's objects, and return the exit code: 1 if it is not imported, or a system does not answer."""
    chosen = _parser().parse_args(arguments)
    try:
        text = rendered(chosen.model, monitored=not chosen.no_pod_monitor)
    except (BlockError, ClusterError, CatalogError, SettingsError) as error:
        print(error, file=sys.stderr)
        return 1
    sys.stdout.write(text)
    return 0


def rendered(model: str, *, monitored: bool) -> str:
    """Write the objects of an imported model as a deploy applies them, with what registry and store know of it.

    Args:
        model: a key of the catalog.
        monitored: whether the cluster has the Prometheus operator, which brings PodMonitors.

    Raises:
        BlockError: the model is not imported, or a system does not answer.
        CatalogError, SettingsError: there is no such model, or a variable is wrong.
    """
    spec, endpoints = catalog.load(model), read_endpoints()
    registry = ModelRegistry(address=endpoints.slipway_registry_url).client()
    release = find_release(spec, registry=registry, store=object_store(endpoints).client())
    wanted = wanted_objects(spec, release, environment=settings(), bucket=endpoints.slipway_bucket)
    parts = (wanted.claim, wanted.monitor if monitored else None, wanted.service)
    objects = [part for part in parts if part is not None]
    return model_yaml(spec, objects, command="python -m flows.deploy_model render")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m flows.deploy_model", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    render = commands.add_parser("render", help="print what a deploy of a model applies, as YAML")
    render.add_argument("model", help="a key of the catalog")
    render.add_argument("--no-pod-monitor", action="store_true", help="for clusters without the Prometheus operator")
    return parser


if __name__ == "__main__":
    sys.exit(main())
