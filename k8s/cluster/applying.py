"""Applies many objects in the order in which they need each other, and waits where one must be there first."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from k8s.cluster.awaiting import await_state, only
from k8s.cluster.connection import Connection
from k8s.cluster.watching import Source
from k8s.errors import NotEstablishedError, ResourceNotFoundError, UnknownKindError
from k8s.fields import condition, name_of

_BEFORE_OTHERS = (
    "CustomResourceDefinition",
    "Namespace",
    "PriorityClass",
    "StorageClass",
    "PersistentVolume",
    "ResourceQuota",
    "LimitRange",
    "NetworkPolicy",
    "ServiceAccount",
    "ClusterRole",
    "ClusterRoleBinding",
    "Role",
    "RoleBinding",
    "Secret",
    "ConfigMap",
    "PersistentVolumeClaim",
    "Service",
    "StatefulSet",
    "Deployment",
)
_AFTER_OTHERS = (
    "Job",
    "CronJob",
    # Applied before what answers them, they would refuse everything else.
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
    "InferenceService",
)
# A CRD is Established a moment before every API server's discovery names it.
_DISCOVERY_PAUSE_SECONDS = 0.3

Json = dict[str, Any]
Listener = Callable[[str], None]


def in_order(manifests: Iterable[Json]) -> list[Json]:
    """Return manifests in the order of their kinds: what others need first, kinds that we do not know in the middle."""
    ranks = {kind: rank for rank, kind in enumerate(_BEFORE_OTHERS)}
    ranks |= {kind: len(_BEFORE_OTHERS) + 1 + rank for rank, kind in enumerate(_AFTER_OTHERS)}
    return sorted(manifests, key=lambda manifest: ranks.get(manifest["kind"], len(_BEFORE_OTHERS)))


def apply_all(
    connection: Connection,
    manifests: Sequence[Json],
    *,
    apply: Callable[[Json], Json],
    seconds: float,
    on_progress: Listener,
) -> list[Json]:
    """Apply objects by kind, waiting for CRDs to be established and for namespaces to be active.

    Args:
        connection: the API.
        manifests: the objects, in any order.
        apply: how to apply one.
        seconds: how long CRDs and namespaces may take in all.
        on_progress: told each object after it was applied.

    Returns:
        The objects as the API holds them now, in the order in which they were applied.

    Raises:
        NotEstablishedError: a CRD or a namespace is not usable in time.
        ConflictError: another field manager holds one of our fields.
        ClusterError: the API refused, or cannot be reached.
    """
    deadline = time.monotonic() + seconds
    applied: list[Json] = []
    defined: set[str] = set()
    for manifest in in_order(manifests):
        applied.append(_apply_when_served(manifest, apply=apply, defined=defined, deadline=deadline))
        on_progress(f"applied {manifest['kind']} {name_of(manifest)}")
        if manifest["kind"] == "CustomResourceDefinition":
            defined.add(manifest["spec"]["group"])
            _await(connection, manifest, "Established", _is_established, deadline=deadline, seconds=seconds)
        elif manifest["kind"] == "Namespace":
            _await(connection, manifest, "Active", _is_active, deadline=deadline, seconds=seconds)
    return applied


def _apply_when_served(manifest: Json, *, apply: Callable[[Json], Json], defined: set[str], deadline: float) -> Json:
    ours = manifest["apiVersion"].rpartition("/")[0] in defined
    while True:
        try:
            return apply(manifest)
        except (UnknownKindError, ResourceNotFoundError):
            if not ours or time.monotonic() >= deadline:
                raise
            time.sleep(_DISCOVERY_PAUSE_SECONDS)  # discovery cannot be watched


def _await(
    connection: Connection,
    manifest: Json,
    wanted: str,
    until: Callable[[Json], bool],
    *,
    deadline: float,
    seconds: float,
) -> None:
    kind, name = manifest["kind"], name_of(manifest)
    paths = {
        "CustomResourceDefinition": "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        "Namespace": "/api/v1/namespaces",
    }
    source = Source("object", paths[kind], only(name))
    if not await_state(connection, source, until=lambda found: any(map(until, found)), deadline=deadline):
        raise NotEstablishedError(kind=kind, name=name, wanted=wanted, seconds=seconds)


def _is_established(definition: Json) -> bool:
    return condition(definition, "Established") is not None


def _is_active(namespace: Json) -> bool:
    return bool(namespace.get("status", {}).get("phase") == "Active")
