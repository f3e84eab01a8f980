"""The objects that a deploy applies, in parts: the volume first, the service last: pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from deployments.settings import Settings
from deployments.spec import ClaimStorage, ModelSpec
from flows.deploy_model.release import Release
from k8s.manifests.inference_service import inference_service
from k8s.manifests.monitoring import pod_monitor
from k8s.manifests.stamp import stamped
from k8s.manifests.volume import volume_claim

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a model needs on the cluster.

    Attributes:
        claim: its volume; None where it is served from S3.
        monitor: how Prometheus reads it.
        service: its InferenceService, stamped, so that what is deployed already can be told.
    """

    claim: Json | None
    monitor: Json
    service: Json


def wanted_objects(spec: ModelSpec, release: Release, *, environment: Settings, bucket: str) -> Wanted:
    """Say what a deploy of a release applies."""
    namespace = environment.namespace
    has_volume = isinstance(spec.storage, ClaimStorage)
    return Wanted(
        claim=volume_claim(spec, namespace=namespace, storage_class=environment.storage_class) if has_volume else None,
        monitor=pod_monitor(spec, namespace=namespace),
        service=stamped(inference_service(spec, release.inputs(environment, bucket=bucket))),
    )
