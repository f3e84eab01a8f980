"""Takes a model's service down: what it held is counted, then it is deleted and its pods are waited for."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from deployments.spec import ClaimStorage, ModelSpec
from flows.deploy_model.cluster_checks import SERVICE_API, SERVICE_KIND, refuse_other_owner
from k8s.cluster import Cluster
from k8s.errors import UnknownKindError
from k8s.fields import SERVICE_LABEL, holds_resources
from k8s.gpus import wanted_gpus
from k8s.manifests.monitoring import pod_monitor

VERSION_LABEL = "app.kubernetes.io/version"
REMOVAL_SECONDS = 600.0
"""vLLM ends within seconds; a node that does not answer keeps its pods for five minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """What was taken down.

    Attributes:
        service: the service's name.
        namespace: its namespace.
        was_there: False if there was nothing to take down.
        version: the version that it served; None if it did not say.
        pods: pods that ended.
        gpus: GPUs that they held.
        kept: the volume that stays; None where there is none.
    """

    service: str
    namespace: str
    was_there: bool
    version: str | None
    pods: int
    gpus: int
    kept: str | None

    def sentence(self) -> str:
        """Tell it in one line."""
        name = f"{self.namespace}/{self.service}"
        kept = f"; the volume {self.kept} and its weights stay" if self.kept else "; the weights in S3 stay"
        if not self.was_there:
            return f"{name} was not deployed: nothing to take down{kept}"
        gpus = f"{self.gpus} GPU{'' if self.gpus == 1 else 's'} freed" if self.gpus else "it held no GPU"
        return f"{name} is taken down with {self.pods} pod{'' if self.pods == 1 else 's'}, {gpus}{kept}"


def take_down(spec: ModelSpec, *, cluster: Cluster, namespace: str) -> Removal:
    """Take a model's service down, and wait until its pods are gone.

    Raises:
        NameTakenError: the service of that name is not this model's.
        StillThereError: it does not go away.
    """
    name = spec.serving.inference_service
    live = cluster.get(SERVICE_API, SERVICE_KIND, name, namespace=namespace)
    if live is not None:
        refuse_other_owner(live, spec=spec)
    found = cluster.objects("v1", "Pod", namespace=namespace, labels=f"{SERVICE_LABEL}={name}")
    pods = [pod for pod in found if holds_resources(pod)]
    was_there = cluster.delete_and_wait(
        SERVICE_API, SERVICE_KIND, name, namespace=namespace, timeout_seconds=REMOVAL_SECONDS
    )
    monitor = pod_monitor(spec, namespace=namespace)
    with suppress(UnknownKindError):  # without the Prometheus operator there is no monitor either
        cluster.delete(monitor["apiVersion"], monitor["kind"], monitor["metadata"]["name"], namespace=namespace)
    return Removal(
        service=name,
        namespace=namespace,
        was_there=was_there,
        version=(live or {}).get("metadata", {}).get("labels", {}).get(VERSION_LABEL),
        pods=len(pods) if was_there else 0,
        gpus=sum(map(wanted_gpus, pods)) if was_there else 0,
        kept=spec.storage.claim if isinstance(spec.storage, ClaimStorage) else None,
    )
