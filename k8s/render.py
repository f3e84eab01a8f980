"""What a model, and all models together, need on a cluster, as objects in the order of applying and as YAML: pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from deployments.spec import ClaimStorage, ModelSpec
from k8s.manifests.inference_service import ServiceInputs, inference_service
from k8s.manifests.kserve_storage import S3Address, service_account
from k8s.manifests.monitoring import pod_monitor
from k8s.manifests.serving_runtime import serving_runtime
from k8s.manifests.volume import volume_claim

Manifest = dict[str, Any]


def model_objects(
    spec: ModelSpec, inputs: ServiceInputs, *, storage_class: str | None = None, monitored: bool = True
) -> list[Manifest]:
    """Return what one model needs: its volume if it has one, its InferenceService, its monitor.

    Args:
        spec: the model.
        inputs: what the import and the environment know.
        storage_class: the volume's storage class; None for the cluster's default.
        monitored: whether the cluster has the Prometheus operator, which brings PodMonitors.
    """
    claims = (
        [volume_claim(spec, namespace=inputs.namespace, storage_class=storage_class)]
        if isinstance(spec.storage, ClaimStorage)
        else []
    )
    monitors = [pod_monitor(spec, namespace=inputs.namespace)] if monitored else []
    return [*claims, inference_service(spec, inputs), *monitors]


def shared_objects(
    specs: Iterable[ModelSpec], *, namespace: str, runtime_image: str, address: S3Address
) -> list[Manifest]:
    """Return what all models share: the service account that reads S3, and the ServingRuntime.

    The Secret that the account names is not among them: it has values, and they are never in a manifest.

    Args:
        specs: the catalog, at least one model.
        namespace: where models are served.
        runtime_image: the platform's vLLM image, by digest.
        address: the object store as pods see it.
    """
    slowest = max(spec.serving.load_seconds for spec in specs)
    return [
        service_account(address, namespace=namespace),
        serving_runtime(namespace=namespace, image=runtime_image, slowest_load_seconds=slowest),
    ]


def as_yaml(manifests: Sequence[Mapping[str, Any]], *, heading: str) -> str:
    """Write manifests as one stream of YAML documents; equal manifests give equal text.

    Args:
        manifests: the objects, in the order of applying.
        heading: a comment for the top, with no "#".
    """
    comment = "".join(f"# {line}\n" for line in heading.splitlines())
    documents = (
        yaml.dump(dict(manifest), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
        for manifest in manifests
    )
    return comment + "".join(f"---\n{document}" for document in documents)


def model_yaml(spec: ModelSpec, manifests: Sequence[Mapping[str, Any]], *, command: str) -> str:
    """Write one model's manifests as YAML; a replica is marked as one.

    Args:
        spec: the model.
        manifests: its objects, in the order of applying.
        command: what printed them.
    """
    overlaid = f"\nUnder {spec.overlaid_by}: a replica, not the model." if spec.overlaid_by else ""
    return as_yaml(manifests, heading=f"{spec.description}{overlaid}\nPrinted by: {command} {spec.key}")


class _Dumper(yaml.SafeDumper):
    """PyYAML's safe dumper, without what kubectl's reader understands differently."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401, ARG002 - the signature of PyYAML
        """Write a value that occurs twice twice: people compare these texts line by line."""
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    # To kubectl a digest such as 12e4567 is a number, to PyYAML it is not: what could be one is quoted.
    if re.fullmatch(r"[-+.]?[0-9][-+._0-9a-fA-FxXoO]*", value):
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="'")
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)
