"""Who holds a model's volume, and where it can be filled then (docs/failures.md, row 15)."""

from __future__ import annotations

import pytest

from deployments.spec import ClaimStorage
from flows.deploy_model.errors import VolumeHeldError
from flows.deploy_model.mounts import FillPlace, fill_place, mounts_of
from tests.unit.deploy_facts import Json, spec_of

SPEC = spec_of("full")
CLAIM = "mistral-24b-pvc"
LABELS = {**SPEC.serving.node_selector, "kubernetes.io/hostname": "gpu-1.example"}
NODES = [
    {"metadata": {"name": "gpu-1", "labels": LABELS}},
    {"metadata": {"name": "cpu-1", "labels": {"kubernetes.io/hostname": "cpu-1"}}},
]


def pod(
    name: str = "mistral-24b-predictor-x", *, node: str = "gpu-1", sub_path: str = "full-fp16", **more: str
) -> Json:
    """A pod that mounts the claim as KServe does."""
    mount = {"name": "kserve-pvc-source", "mountPath": "/mnt/models", **({"subPath": sub_path} if sub_path else {})}
    return {
        "metadata": {"name": name, "labels": {"app.kubernetes.io/name": more.get("app", "vllm")}},
        "spec": {
            "nodeName": node,
            "containers": [{"name": "kserve-container", "volumeMounts": [mount]}],
            "volumes": [
                {"name": "kserve-pvc-source", "persistentVolumeClaim": {"claimName": more.get("claim", CLAIM)}}
            ],
        },
        "status": {"phase": more.get("phase", "Running")},
    }


def place(*pods: Json, mode: str = "ReadWriteOnce", target: str = "full-fp16") -> FillPlace:
    """Where the full model's volume can be filled beside these pods."""
    assert isinstance(SPEC.storage, ClaimStorage)
    return fill_place(
        SPEC.storage.model_copy(update={"access_mode": mode}),
        mounts_of(pods, claim=CLAIM),
        target=target,
        nodes=NODES,
        node_selector=SPEC.serving.node_selector,
        namespace="private-ai-demo",
    )


def test_a_free_volume_is_filled_wherever_the_model_may_run() -> None:
    """A first fill would wait for a node that nobody named."""
    assert place() == FillPlace(hostname=None, in_use=())


def test_failure_15_a_volume_that_serves_is_filled_on_its_own_node() -> None:
    """The fill ran on another node than the service, and both hung on Multi-Attach (docs/failures.md, row 15)."""
    assert place(pod()) == FillPlace(hostname="gpu-1.example", in_use=("full-fp16",))


def test_failure_15_a_pod_on_a_node_where_the_model_cannot_run_stops_the_deploy() -> None:
    """The service itself could never mount the volume, and would wait for ever."""
    with pytest.raises(VolumeHeldError, match=r"held by pod shell, on node cpu-1.*kubectl delete pod shell"):
        place(pod("shell", node="cpu-1"))


def test_a_volume_for_one_pod_is_not_filled_beside_it() -> None:
    """Kubernetes would never start the Job."""
    with pytest.raises(VolumeHeldError, match="lets no other pod mount it"):
        place(pod(), mode="ReadWriteOncePod")


def test_a_volume_for_many_nodes_is_filled_anywhere() -> None:
    """A shared volume would be filled only where it happens to be read."""
    assert place(pod(), mode="ReadWriteMany") == FillPlace(hostname=None, in_use=("full-fp16",))


def test_a_pod_that_mounts_the_whole_volume_may_read_the_target() -> None:
    """The folder would be replaced under a pod that reads it."""
    assert place(pod(sub_path=""), target="next").in_use == ("next",)


@pytest.mark.parametrize(
    "other",
    [pod(phase="Succeeded"), pod(node=""), pod(claim="another"), pod(app="fill-volume")],
    ids=["ended", "not scheduled", "another volume", "a fill"],
)
def test_pods_that_do_not_hold_the_volume_do_not_count(other: Json) -> None:
    """A finished pod would block every deploy."""
    assert place(other) == FillPlace(hostname=None, in_use=())
