"""Reads the cluster's GPUs, a namespace's quotas and claims, as far as we may see them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from k8s.cluster.connection import Connection
from k8s.errors import ClusterUnavailableError, ForbiddenError
from k8s.fields import SERVICE_LABEL
from k8s.gpus import GpuInventory, gpu_inventory
from k8s.status import Surroundings

_PAGE = 500

Json = dict[str, Any]


def read_gpus(connection: Connection, *, namespace: str, replacing: str | None = None) -> GpuInventory:
    """Read which nodes have GPUs, who holds them, and what a namespace's quotas leave.

    Args:
        connection: the API.
        namespace: whose quotas count.
        replacing: an InferenceService of the namespace whose pods go before new ones come, so that what they hold
            counts as free.

    Raises:
        ForbiddenError: we may not list nodes, or the pods of all namespaces.
        ClusterError: the API refused, or cannot be reached.
    """
    return gpu_inventory(
        list_all(connection, "/api/v1/nodes"),
        list_all(connection, "/api/v1/pods", {"fieldSelector": "status.phase!=Succeeded,status.phase!=Failed"}),
        list_all(connection, f"/api/v1/namespaces/{namespace}/resourcequotas"),
        leaving=partial(_belongs_to, namespace, replacing),
    )


def _belongs_to(namespace: str, service: str | None, pod: Mapping[str, Any]) -> bool:
    metadata = pod["metadata"]
    label = metadata.get("labels", {}).get(SERVICE_LABEL)
    return service is not None and metadata.get("namespace") == namespace and label == service


def read_inventory(connection: Connection, *, namespace: str) -> Surroundings:
    """Read what explains why a pod of a namespace is not scheduled.

    What we may not see, or what the API does not answer now, is left unknown: the scheduler's own words remain.
    """
    gpus: GpuInventory | None = None
    claims: list[Json] = []
    with suppress(ForbiddenError, ClusterUnavailableError):
        gpus = read_gpus(connection, namespace=namespace)
    with suppress(ForbiddenError, ClusterUnavailableError):
        claims = list_all(connection, f"/api/v1/namespaces/{namespace}/persistentvolumeclaims")
    return Surroundings(gpus=gpus, claims=claims)


def list_all(connection: Connection, path: str, query: Mapping[str, str] | None = None) -> list[Json]:
    """List a collection, page by page: a large cluster has thousands of pods."""
    found: list[Json] = []
    more = ""
    while True:
        page: dict[str, str | int | bool] = {**(query or {}), "limit": _PAGE}
        if more:
            page["continue"] = more
        answer = connection.request("GET", path, query=page)
        found += answer.get("items") or ()
        more = answer.get("metadata", {}).get("continue", "")
        if not more:
            return found
