"""Who mounts a model's volume, and what that means for filling it: pure.

A volume of the access mode ReadWriteOnce is attached to one node. The system that this one replaces filled it from
another one while the service ran, and both hung on Multi-Attach.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from deployments.spec import ClaimStorage
from flows.deploy_model.errors import VolumeHeldError
from k8s.fields import holds_resources

HOSTNAME = "kubernetes.io/hostname"
_FILL = "fill-volume"
_ONE_NODE, _ONE_POD = "ReadWriteOnce", "ReadWriteOncePod"

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """One pod that mounts the volume.

    Attributes:
        pod: its name.
        node: the node that it is on.
        folders: the volume's folders that it reads; empty if it mounts the whole volume.
    """

    pod: str
    node: str
    folders: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FillPlace:
    """Where a fill must run, and what it must leave alone.

    Attributes:
        hostname: the label of the only node that can mount the volume; None if any that the model may use.
        in_use: folders that pods read.
    """

    hostname: str | None
    in_use: tuple[str, ...]


def mounts_of(pods: Iterable[Json], *, claim: str) -> tuple[Mount, ...]:
    """Find the pods that hold a claim's volume; those of a fill and those without a node do not count."""
    found = []
    for pod in pods:
        spec, metadata = pod.get("spec", {}), pod["metadata"]
        is_fill = (metadata.get("labels") or {}).get("app.kubernetes.io/name") == _FILL
        if is_fill or not spec.get("nodeName") or not holds_resources(pod):
            continue
        volumes = {
            volume["name"]
            for volume in spec.get("volumes") or ()
            if (volume.get("persistentVolumeClaim") or {}).get("claimName") == claim
        }
        if volumes:
            found.append(Mount(pod=metadata["name"], node=spec["nodeName"], folders=_folders(spec, volumes)))
    return tuple(found)


def fill_place(
    storage: ClaimStorage,
    mounts: Iterable[Mount],
    *,
    target: str,
    nodes: Iterable[Json],
    node_selector: Mapping[str, str],
    namespace: str,
) -> FillPlace:
    """Say where a volume can be filled while these pods hold it.

    Args:
        storage: the volume.
        mounts: who holds it.
        target: the folder to fill; it counts as in use where a pod mounts the whole volume.
        nodes: the cluster's nodes.
        node_selector: labels of the nodes that the model may use.
        namespace: the claim's namespace.

    Raises:
        VolumeHeldError: a pod holds it on a node where the model cannot be, or holds it alone.
    """
    held = tuple(mounts)
    in_use = {folder for mount in held for folder in mount.folders or (target,)}
    if storage.access_mode not in {_ONE_NODE, _ONE_POD} or not held:
        return FillPlace(hostname=None, in_use=tuple(sorted(in_use)))
    holder = held[0]
    labels = next(
        (node["metadata"].get("labels") or {} for node in nodes if node["metadata"]["name"] == holder.node), {}
    )
    reason = None
    if storage.access_mode == _ONE_POD:
        reason = f"and its access mode {_ONE_POD} lets no other pod mount it"
    elif any(labels.get(key) != value for key, value in node_selector.items()):
        reason = f"on node {holder.node}, where the model cannot run"
    if reason:
        raise VolumeHeldError(claim=storage.claim, namespace=namespace, pod=holder.pod, reason=reason)
    return FillPlace(hostname=labels.get(HOSTNAME, holder.node), in_use=tuple(sorted(in_use)))


def _folders(spec: Json, volumes: set[str]) -> tuple[str, ...]:
    containers = [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
    paths = [
        str(mount.get("subPath") or "")
        for container in containers
        for mount in container.get("volumeMounts") or ()
        if mount["name"] in volumes
    ]
    if not all(paths):
        return ()
    return tuple(sorted({path.strip("/").partition("/")[0] for path in paths}))
