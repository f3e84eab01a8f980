"""Why a pod fits on no node, in the language of GPUs: pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from k8s.gpus import GPU, PRODUCT, GpuInventory, GpuNode

_PLURALS = {"lacks": "lack", "has": "have", "is": "are"}

Manifest = Mapping[str, Any]
_Obstacle = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Demand:
    """What a pod asks of a node.

    Attributes:
        gpus: how many GPUs.
        node_selector: labels that the node must carry.
        tolerations: taints that it may carry, as the API writes them.
    """

    gpus: int
    node_selector: Mapping[str, str]
    tolerations: Sequence[Manifest] = ()


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where a pod could go.

    Attributes:
        nodes: how many nodes the cluster has.
        free: names of nodes that match and have enough GPUs free.
        taken: nodes that match and have the GPUs, of which others hold too many.
        obstacles: per kind of obstacle how many nodes have it, in words: `2 lack nvidia.com/gpu`.
        quota: the quota in words, empty if there is none for GPUs.
        quota_full: True if the quota leaves fewer GPUs than are asked for.
        wanted: GPUs asked for.
    """

    nodes: int
    free: tuple[str, ...]
    taken: tuple[GpuNode, ...]
    obstacles: tuple[str, ...]
    quota: str
    quota_full: bool
    wanted: int

    @property
    def fits(self) -> bool:
        """Whether some node has room for its GPUs, and the quota too; CPU and memory are not looked at."""
        return bool(self.free) and not self.quota_full

    @property
    def sentence(self) -> str:
        """Say it in one sentence: `0/3 nodes have 1 GPU for it: 2 lack nvidia.com/gpu, …; quota 8, used 8`."""
        gpus = f"{self.wanted} GPU{'s' if self.wanted != 1 else ''}" if self.wanted else "a place"
        detail = f": {', '.join(self.obstacles)}" if self.obstacles else ""
        return f"{len(self.free)}/{self.nodes} nodes have {gpus} for it{detail}{'; ' if self.quota else ''}{self.quota}"


def placement(demand: Demand, inventory: GpuInventory) -> Placement:
    """Look for a node for a pod.

    Args:
        demand: what the pod asks for.
        inventory: the cluster's GPUs. Used ones include those of the pod's own earlier copy.
    """
    free: list[str] = []
    taken: list[GpuNode] = []
    counted: dict[_Obstacle, int] = {}
    for node in inventory.nodes:
        obstacle = _obstacle(demand, node)
        if obstacle is None and node.free >= demand.gpus:
            free.append(node.name)
            continue
        if obstacle is None:
            taken.append(node)
            obstacle = "has", f"{node.free} of {node.gpus} GPUs free (held by {', '.join(node.holders)})"
        counted[obstacle] = counted.get(obstacle, 0) + 1
    tightest = min(inventory.quotas, key=lambda each: each.left, default=None)
    return Placement(
        nodes=len(inventory.nodes),
        free=tuple(free),
        taken=tuple(taken),
        obstacles=tuple(_counted(obstacle, count) for obstacle, count in counted.items()),
        quota="" if tightest is None else f"quota {tightest.limit}, used {tightest.used}",
        quota_full=tightest is not None and tightest.left < demand.gpus,
        wanted=demand.gpus,
    )


def tolerates(tolerations: Sequence[Manifest], taint: Manifest) -> bool:
    """Tell whether one of the tolerations covers a taint."""
    return any(_covers(each, taint) for each in tolerations)


def _obstacle(demand: Demand, node: GpuNode) -> _Obstacle | None:
    """Return what keeps the pod off a node; None if only free GPUs decide."""
    found = _labels_obstacle(demand, node)
    if found is None and not node.usable:
        found = "is", "cordoned or not ready"
    if found is None:
        refused = next((taint for taint in node.taints if not tolerates(demand.tolerations, taint)), None)
        if refused is not None:
            found = "has", f"the taint {_taint(refused)}, which the pod does not tolerate"
    if found is None and node.gpus < demand.gpus:
        found = "has", f"{node.gpus} of the {demand.gpus} GPUs"
    return found


def _labels_obstacle(demand: Demand, node: GpuNode) -> _Obstacle | None:
    differing = {key: value for key, value in demand.node_selector.items() if node.labels.get(key) != value}
    if demand.gpus and not node.gpus:
        return "lacks", GPU
    if PRODUCT in differing:
        return "has", f"another product ({node.product or 'unnamed'}, not {differing[PRODUCT]})"
    if differing:
        key, value = next(iter(differing.items()))
        return "has", f"{key}={node.labels.get(key, '(none)')}, not {value}"
    return None


def _counted(obstacle: _Obstacle, count: int) -> str:
    verb, rest = obstacle
    return f"{count} {verb if count == 1 else _PLURALS[verb]} {rest}"


def _taint(taint: Manifest) -> str:
    value = f"={taint['value']}" if taint.get("value") else ""
    return f"{taint.get('key', '')}{value}:{taint.get('effect', '')}"


def _covers(toleration: Manifest, taint: Manifest) -> bool:
    if toleration.get("effect") not in {None, "", taint.get("effect")}:
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in {None, "", taint.get("key")}
    return bool(
        toleration.get("key") == taint.get("key") and (toleration.get("value") or "") == (taint.get("value") or "")
    )
