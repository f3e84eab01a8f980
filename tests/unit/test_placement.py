"""Which node could take a model, told in GPUs."""

from __future__ import annotations

from typing import Any

from k8s.diagnosis import Category
from k8s.gpus import gpu_inventory
from k8s.placement import Demand, placement
from k8s.status import Surroundings, diagnose_pod

Json = dict[str, Any]
L4 = {"nvidia.com/gpu.product": "NVIDIA-L4", "node.kubernetes.io/instance-type": "g6.4xlarge"}
TAINT = {"key": "nvidia.com/gpu", "effect": "NoSchedule"}
TOLERATION = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
WANTS_ONE = Demand(gpus=1, node_selector=L4, tolerations=[TOLERATION])


def _node(name: str, *, gpus: int = 0, labels: Json | None = None, taints: list[Json] | None = None) -> Json:
    return {
        "metadata": {"name": name, "labels": labels or {}},
        "spec": {"taints": taints or []},
        "status": {
            "allocatable": {"cpu": "16"} | ({"nvidia.com/gpu": str(gpus)} if gpus else {}),
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def _pod(name: str, *, gpus: int, node: str = "", phase: str = "Running") -> Json:
    resources = {"limits": {"nvidia.com/gpu": str(gpus)}}
    spec = {"nodeSelector": L4, "tolerations": [TOLERATION], "containers": [{"name": "m", "resources": resources}]}
    return {
        "metadata": {"name": name, "namespace": "ns", "uid": name, "labels": {"slipway.dev/model": "quantized"}},
        "spec": spec | ({"nodeName": node} if node else {}),
        "status": {"phase": phase},
    }


def _quota(hard: int, used: int) -> Json:
    key = "requests.nvidia.com/gpu"
    return {"metadata": {"name": "q"}, "status": {"hard": {key: str(hard)}, "used": {key: str(used)}}}


A10G = {**L4, "nvidia.com/gpu.product": "NVIDIA-A10G"}
NODES = [_node("cpu-1"), _node("cpu-2"), _node("a10g", gpus=1, labels=A10G)]


def test_an_unmatched_pod_is_explained_in_gpus() -> None:
    """'0/3 nodes are available: 3 node(s) didn't match' helps nobody to buy the right node."""
    place = placement(WANTS_ONE, gpu_inventory(NODES, [], [_quota(8, 8)]))
    assert place.sentence == (
        "0/3 nodes have 1 GPU for it: 2 lack nvidia.com/gpu, "
        "1 has another product (NVIDIA-A10G, not NVIDIA-L4); quota 8, used 8"
    )
    assert not place.fits


def test_failure_14_taken_gpus_name_their_holder() -> None:
    """A rollout waited for GPUs that its own other copy held, without a word (docs/failures.md, row 14)."""
    nodes = [_node("l4", gpus=1, labels=L4, taints=[TAINT])]
    inventory = gpu_inventory(
        nodes, [_pod("old", gpus=1, node="l4"), _pod("done", gpus=1, node="l4", phase="Failed")], []
    )
    place = placement(WANTS_ONE, inventory)
    assert place.sentence == "0/1 nodes have 1 GPU for it: 1 has 0 of 1 GPUs free (held by ns/old)"
    assert [node.name for node in place.taken] == ["l4"]


def test_failure_14_the_one_gpu_model_does_not_match_the_four_gpu_node() -> None:
    """The quantized pod was scheduled onto the 4-GPU node (docs/failures.md, row 14)."""
    big = _node("big", gpus=4, labels={**L4, "node.kubernetes.io/instance-type": "g6.12xlarge"})
    place = placement(WANTS_ONE, gpu_inventory([big], [], []))
    assert "1 has node.kubernetes.io/instance-type=g6.12xlarge, not g6.4xlarge" in place.sentence


def test_a_taint_that_is_not_tolerated_is_named() -> None:
    """GPU nodes are tainted as a rule; a forgotten toleration looks like a missing node."""
    nodes = [_node("l4", gpus=1, labels=L4, taints=[{**TAINT, "value": "true"}])]
    place = placement(Demand(gpus=1, node_selector=L4), gpu_inventory(nodes, [], []))
    assert "1 has the taint nvidia.com/gpu=true:NoSchedule, which the pod does not tolerate" in place.sentence


def test_a_cordoned_node_and_one_with_too_few_gpus_do_not_count() -> None:
    """Both look right by their labels."""
    cordoned = _node("a", gpus=4, labels=L4)
    cordoned["spec"]["unschedulable"] = True
    four = Demand(gpus=4, node_selector=L4)
    place = placement(four, gpu_inventory([cordoned, _node("b", gpus=1, labels=L4)], [], []))
    assert place.sentence == "0/2 nodes have 4 GPUs for it: 1 is cordoned or not ready, 1 has 1 of the 4 GPUs"


def test_a_free_node_fits_unless_the_quota_is_full() -> None:
    """Preflight must refuse both before the service that runs is touched."""
    nodes = [_node("l4", gpus=1, labels=L4)]
    assert placement(WANTS_ONE, gpu_inventory(nodes, [], [_quota(8, 7)])).fits
    assert not placement(WANTS_ONE, gpu_inventory(nodes, [], [_quota(8, 8)])).fits


def test_failure_14_a_rollouts_own_copy_counts_as_free() -> None:
    """A redeployment must not be refused because of the copy that it replaces."""
    nodes, old = [_node("l4", gpus=1, labels=L4)], _pod("old", gpus=1, node="l4")
    inventory = gpu_inventory(nodes, [old], [_quota(1, 1)], leaving=lambda pod: pod is old)
    assert placement(WANTS_ONE, inventory).fits
    assert not placement(WANTS_ONE, gpu_inventory(nodes, [old], [_quota(1, 1)])).fits


def test_a_pending_pod_is_diagnosed_with_the_inventory() -> None:
    """The pod's own status has only the scheduler's words."""
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}
    pod = _pod("new", gpus=1, phase="Pending")
    pod["status"]["conditions"] = [condition]
    diagnosis = diagnose_pod(pod, events=[], surroundings=Surroundings(gpus=gpu_inventory(NODES, [pod], [])))
    assert diagnosis.category is Category.UNSCHEDULABLE
    assert "2 lack nvidia.com/gpu" in diagnosis.sentence
    assert "kubectl get nodes -L nvidia.com/gpu.product,node.kubernetes.io/instance-type" in diagnosis.next_action
    assert not diagnosis.transient


def test_free_gpus_shift_the_blame_to_the_rest() -> None:
    """A pod that finds a free GPU and no memory must not send anybody to buy GPUs."""
    pod = _pod("new", gpus=1, phase="Pending")
    pod["status"]["conditions"] = [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "1 Insufficient memory"}
    ]
    inventory = gpu_inventory([_node("l4", gpus=1, labels=L4)], [], [])
    diagnosis = diagnose_pod(pod, events=[], surroundings=Surroundings(gpus=inventory))
    assert "1 Insufficient memory" in diagnosis.sentence
    assert "kubectl describe node l4" in diagnosis.next_action
