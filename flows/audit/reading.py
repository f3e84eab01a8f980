"""Reads what an audit compares: the whole catalog, bucket and registry, and the services of the cluster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from deployments import catalog
from deployments.settings import Settings
from flows.audit.facts import AuditFacts, Json
from flows.audit.stocktaking import take_inventory
from flows.deploy_model.cluster_checks import SERVICE_API, SERVICE_KIND
from flows.deploy_model.history import ServedRecord, read_served
from k8s.cluster import Cluster
from k8s.errors import ForbiddenError
from k8s.fields import SERVICE_LABEL, condition

if TYPE_CHECKING:
    from blocks.object_store import StoreClient
    from blocks.registry import RegistryClient


def read_facts(store: StoreClient, *, registry: RegistryClient, cluster: Cluster, environment: Settings) -> AuditFacts:
    """Ask every system; nothing is changed.

    Args:
        store: the bucket.
        registry: all of its versions are read.
        cluster: the cluster.
        environment: where models are served.
    """
    namespace = environment.namespace
    services = tuple(cluster.objects(SERVICE_API, SERVICE_KIND, namespace=namespace))
    names = [str(service["metadata"]["name"]) for service in services]
    return AuditFacts(
        specs=tuple(map(catalog.load, catalog.keys())),
        inventory=take_inventory(store),
        registered=tuple(version for model in registry.list_models() for version in registry.list_versions(model)),
        namespace=namespace,
        services=services,
        elsewhere=services_elsewhere(cluster, namespace=namespace),
        pods=_ready_pods(cluster, namespace=namespace),
        served=dict(_served(store, names, namespace=namespace)),
    )


def services_elsewhere(cluster: Cluster, *, namespace: str) -> tuple[Json, ...] | None:
    """The services of other namespaces; None where we may not list them, as the platform's own roles have it."""
    try:
        services = cluster.objects(SERVICE_API, SERVICE_KIND, everywhere=True)
    except ForbiddenError:
        return None
    return tuple(service for service in services if service["metadata"]["namespace"] != namespace)


def _ready_pods(cluster: Cluster, *, namespace: str) -> dict[str, tuple[Json, ...]]:
    pods: dict[str, tuple[Json, ...]] = {}
    for pod in cluster.objects("v1", "Pod", namespace=namespace, labels=SERVICE_LABEL):
        if condition(pod, "Ready") is not None:
            name = pod["metadata"]["labels"][SERVICE_LABEL]
            pods[name] = (*pods.get(name, ()), pod)
    return pods


def _served(store: StoreClient, names: list[str], *, namespace: str) -> Iterator[tuple[str, ServedRecord]]:
    for name in names:
        record = read_served(store, namespace=namespace, service=name)
        if record is not None:
            yield name, record
