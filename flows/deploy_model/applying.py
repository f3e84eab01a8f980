"""Puts a model's objects onto the cluster, and finds out whether they are there already."""

from __future__ import annotations

from collections.abc import Callable

from flows.deploy_model.cluster_checks import SERVICE_API, SERVICE_KIND
from flows.deploy_model.standing import is_same
from flows.deploy_model.wanted import Wanted
from k8s.cluster import Cluster
from k8s.errors import UnknownKindError
from k8s.fields import SERVICE_LABEL
from k8s.status import is_ready


def is_deployed(cluster: Cluster, *, wanted: Wanted) -> bool:
    """Tell whether the wanted service is what the cluster holds, and serves."""
    name, namespace = wanted.service["metadata"]["name"], wanted.service["metadata"]["namespace"]
    live = cluster.get(SERVICE_API, SERVICE_KIND, name, namespace=namespace)
    if live is None or not is_same(live, wanted.service):
        return False
    ours = f"{SERVICE_LABEL}={name}"
    deployments = cluster.objects("apps/v1", "Deployment", namespace=namespace, labels=ours)
    return is_ready(live, deployments=deployments, pods=cluster.objects("v1", "Pod", namespace=namespace, labels=ours))


def apply_objects(cluster: Cluster, *, wanted: Wanted, say: Callable[[str], None]) -> None:
    """Apply what a deploy changes, the service last: what is refused before it leaves what serves as it was.

    Raises:
        ConflictError: another field manager holds one of our fields; the service is as it was.
        AdmissionError: a quota or a webhook refuses the service; it is as it was.
    """
    try:
        cluster.apply(wanted.monitor)
        say(f"applied {wanted.monitor['kind']} {wanted.monitor['metadata']['name']}")
    except UnknownKindError:
        say("there is no Prometheus operator: vLLM's metrics are not collected")
    cluster.apply(wanted.service)
    say(f"applied {wanted.service['kind']} {wanted.service['metadata']['name']}")
