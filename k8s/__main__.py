"""The manifests' command line: `python -m k8s render MODEL` and `python -m k8s render-shared`; it needs no cluster.

It asks nobody. `python -m flows.deploy_model render MODEL` prints the same, and takes from registry and store what only
an import knows.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from deployments import catalog
from deployments.errors import CatalogError, SettingsError
from deployments.settings import settings
from k8s.errors import ClusterError
from k8s.manifests.inference_service import ServiceInputs
from k8s.manifests.kserve_storage import PLATFORM_STORE, SECRET, S3Address
from k8s.render import as_yaml, model_objects, model_yaml, shared_objects

# What only an import knows: the option, and the property or field of the registry's entry that has it.
_IMPORTED = {
    "image": "runtime_image",
    "manifest-sha256": "manifest_sha256",
    "source-commit": "source_commit",
    "model-id": "the registered model's id",
    "version-id": "the version's id",
}


class MissingInputError(ClusterError):
    """Options are missing whose values only an import knows."""

    def __init__(self, *, model: str, missing: Sequence[str]) -> None:
        listed = ", ".join(f"--{name}" for name in missing)
        super().__init__(
            f"only the import of {model} knows {listed}, and nothing is guessed. "
            f"Take them from the registry: python -m flows.deploy_model render {model}"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 for success, 1 for inputs that are missing or wrong."""
    chosen = _parser().parse_args(arguments)
    try:
        text = _model(chosen) if chosen.command == "render" else _shared(chosen)
    except (CatalogError, SettingsError, ClusterError) as error:
        print(error, file=sys.stderr)
        return 1
    sys.stdout.write(text)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m k8s",
        description="Print what slipway applies, for GitOps repositories and `kubectl diff -f -`.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    model = commands.add_parser("render", help="print one model's objects as YAML")
    model.add_argument("model", help="a key of the catalog")
    for name, origin in _IMPORTED.items():
        model.add_argument(f"--{name}", help=f"needed; {origin}")
    model.add_argument(
        "--bucket",
        default=os.environ.get("SLIPWAY_BUCKET", "llm-models"),
        help="the bucket of the weights (%(default)s)",
    )
    model.add_argument("--no-pod-monitor", action="store_true", help="for clusters without the Prometheus operator")
    shared = commands.add_parser("render-shared", help="print what all models share as YAML")
    shared.add_argument("--s3-endpoint", default=PLATFORM_STORE, help="as pods see it (%(default)s)")
    shared.add_argument("--s3-region", default="us-east-1", help="(%(default)s)")
    shared.add_argument("--s3-ca-config-map", help="a ConfigMap with the key cabundle.crt, for a private authority")
    return parser


def _model(chosen: argparse.Namespace) -> str:
    spec, environment = catalog.load(chosen.model), settings()
    values = {name: getattr(chosen, name.replace("-", "_")) for name in _IMPORTED}
    missing = [name for name, value in values.items() if not value]
    if missing:
        raise MissingInputError(model=spec.key, missing=missing)
    inputs = ServiceInputs(
        namespace=environment.namespace,
        bucket=chosen.bucket,
        image=values["image"],
        manifest_sha256=values["manifest-sha256"],
        source_commit=values["source-commit"],
        registry_name=environment.registry_name,
        registered_model_id=values["model-id"],
        model_version_id=values["version-id"],
        pull_secret=environment.pull_secret,
    )
    objects = model_objects(spec, inputs, storage_class=environment.storage_class, monitored=not chosen.no_pod_monitor)
    return model_yaml(spec, objects, command="python -m k8s render")


def _shared(chosen: argparse.Namespace) -> str:
    environment = settings()
    objects = shared_objects(
        map(catalog.load, catalog.keys()),
        namespace=environment.namespace,
        runtime_image=environment.runtime_base_image,
        address=S3Address(endpoint=chosen.s3_endpoint, region=chosen.s3_region, ca_config_map=chosen.s3_ca_config_map),
    )
    heading = f"What all models share. Needs the Secret {SECRET}.\nPrinted by: python -m k8s render-shared"
    return as_yaml(objects, heading=heading)


if __name__ == "__main__":
    sys.exit(main())
