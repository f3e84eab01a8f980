"""The GPUs of a cluster: which nodes have how many, who holds them, what the quota leaves: pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from k8s.fields import condition, containers, holds_resources

GPU = "nvidia.com/gpu"
PRODUCT = "nvidia.com/gpu.product"
"""The label by which NVIDIA's operator says which GPU a node has."""

Manifest = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class GpuNode:
    """One node, and its GPUs.

    Attributes:
        name: the node's name.
        labels: its labels.
        taints: its taints as the API gives them, those that only express a preference left out.
        usable: False while it is cordoned or not ready.
        gpus: GPUs that pods can ask for.
        used: GPUs that pods hold, running or not.
        holders: those pods, as `namespace/name`.
    """

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Manifest, ...] = ()
    usable: bool = True
    gpus: int = 0
    used: int = 0
    holders: tuple[str, ...] = ()

    @property
    def free(self) -> int:
        """GPUs that nobody holds."""
        return max(self.gpus - self.used, 0)

    @property
    def product(self) -> str:
        """The GPU's product name, empty if the node does not say."""
        return self.labels.get(PRODUCT, "")


@dataclass(frozen=True, kw_only=True)
class GpuQuota:
    """What a namespace may use of GPUs.

    Attributes:
        name: the ResourceQuota's name.
        limit: GPUs at most.
        used: GPUs that its pods ask for now.
    """

    name: str
    limit: int
    used: int

    @property
    def left(self) -> int:
        """GPUs that a new pod can ask for."""
        return max(self.limit - self.used, 0)


@dataclass(frozen=True, kw_only=True)
class GpuInventory:
    """The GPUs of a cluster, seen from one namespace."""

    nodes: tuple[GpuNode, ...] = ()
    quotas: tuple[GpuQuota, ...] = ()


def gpu_inventory(
    nodes: Iterable[Manifest],
    pods: Iterable[Manifest],
    quotas: Iterable[Manifest],
    *,
    leaving: Callable[[Manifest], bool] = lambda _: False,
) -> GpuInventory:
    """Count a cluster's GPUs.

    Args:
        nodes: all Nodes.
        pods: the Pods of all namespaces.
        quotas: the ResourceQuotas of the namespace that is looked at.
        leaving: tells pods of that namespace that will be gone by then, such as those that a rollout replaces; what
            they hold counts as free.
    """
    holding: dict[str, list[Manifest]] = {}
    given_back = 0
    for pod in pods:
        if not wanted_gpus(pod) or not holds_resources(pod):
            continue
        if leaving(pod):
            given_back += wanted_gpus(pod)
        else:
            holding.setdefault(str(pod.get("spec", {}).get("nodeName", "")), []).append(pod)
    counted = tuple(gpu_quota(quota, given_back=given_back) for quota in quotas)
    return GpuInventory(
        nodes=tuple(_node(node, holding.get(str(node["metadata"]["name"]), ())) for node in nodes),
        quotas=tuple(quota for quota in counted if quota is not None),
    )


def gpu_quota(quota: Manifest, *, given_back: int = 0) -> GpuQuota | None:
    """Return what a ResourceQuota says of GPUs, the tightest of requests and limits; None if it says nothing.

    Args:
        quota: the ResourceQuota.
        given_back: GPUs in use that will be free by then.
    """
    hard = {**quota.get("spec", {}).get("hard", {}), **quota.get("status", {}).get("hard", {})}
    used = quota.get("status", {}).get("used", {})
    name = str(quota.get("metadata", {}).get("name", ""))
    counted = [
        GpuQuota(name=name, limit=int(hard[key]), used=max(int(used.get(key, 0)) - given_back, 0))
        for key in (f"requests.{GPU}", f"limits.{GPU}", GPU)
        if key in hard
    ]
    return min(counted, key=lambda each: each.left, default=None)


def wanted_gpus(pod: Manifest) -> int:
    """Return how many GPUs a pod holds; init containers run before the others and share theirs."""
    spec = pod.get("spec", {})
    together = sum(_gpus(each) for each in spec.get("containers", ()))
    one_by_one = max((_gpus(each) for each in containers(pod)), default=0)
    return max(together, one_by_one)


def _gpus(declared: Manifest) -> int:
    # A GPU's request always equals its limit, and either may be left out.
    resources = declared.get("resources", {})
    return int(resources.get("limits", {}).get(GPU) or resources.get("requests", {}).get(GPU) or 0)


def _node(node: Manifest, holders: Sequence[Manifest]) -> GpuNode:
    taints = node.get("spec", {}).get("taints") or ()
    cordoned = bool(node.get("spec", {}).get("unschedulable"))
    return GpuNode(
        name=str(node["metadata"]["name"]),
        labels=dict(node["metadata"].get("labels") or {}),
        taints=tuple(taint for taint in taints if taint.get("effect") != "PreferNoSchedule"),
        usable=not cordoned and condition(node, "Ready") is not None,
        gpus=int(node.get("status", {}).get("allocatable", {}).get(GPU, 0)),
        used=sum(wanted_gpus(pod) for pod in holders),
        holders=tuple(f"{pod['metadata'].get('namespace', '')}/{pod['metadata']['name']}" for pod in holders),
    )
