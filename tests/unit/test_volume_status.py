"""What keeps a volume from a pod, read as a diagnosis."""

from __future__ import annotations

from typing import Any

import pytest

from k8s.diagnosis import Category
from k8s.status import Surroundings, diagnose_claim, diagnose_pod

Json = dict[str, Any]


def _claim(phase: str = "Pending") -> Json:
    metadata = {"name": "mistral-24b-pvc", "namespace": "ns", "uid": "c"}
    return {"metadata": metadata, "spec": {"volumeName": "pv-1"}, "status": {"phase": phase}}


def _event(reason: str, message: str, *, uid: str) -> Json:
    time = "2026-01-01T00:00:00Z"
    return {"reason": reason, "message": message, "involvedObject": {"uid": uid}, "lastTimestamp": time}


def _pod(message: str | None = None) -> Json:
    status: Json = {"phase": "Pending"}
    if message is not None:
        refused = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
        status["conditions"] = [refused]
    volumes = [{"name": "w", "persistentVolumeClaim": {"claimName": "mistral-24b-pvc"}}]
    return {"metadata": {"name": "m-1", "namespace": "ns", "uid": "p"}, "spec": {"volumes": volumes}, "status": status}


NO_CLASS = _event("FailedBinding", "no persistent volumes available and no storage class is set", uid="c")
NO_ROOM = _event("ProvisioningFailed", "failed to provision volume: quota of the cloud exceeded", uid="c")
FIRST = _event("WaitForFirstConsumer", "waiting for first consumer", uid="c")


@pytest.mark.parametrize(
    ("claim", "events", "category", "said"),
    [
        (_claim("Bound"), [], Category.READY, "is bound"),
        (_claim("Lost"), [], Category.CLAIM_LOST, "lost its volume pv-1"),
        (_claim(), [NO_CLASS], Category.CLAIM_PENDING, "no storage class"),
        (_claim(), [NO_ROOM], Category.CLAIM_PENDING, "quota of the cloud"),
        (_claim(), [FIRST], Category.PENDING, "waits for its first pod"),
        (_claim(), [], Category.PENDING, "waits for a volume"),
    ],
)
def test_a_claim_says_what_it_waits_for(claim: Json, events: list[Json], category: Category, said: str) -> None:
    """A claim that waits for its first pod is well; one without a storage class waits for ever."""
    diagnosis = diagnose_claim(claim, events=events)
    assert diagnosis.category is category
    assert said in diagnosis.sentence


def test_a_pod_that_waits_for_its_claim_gives_the_claims_reason() -> None:
    """'pod has unbound immediate PersistentVolumeClaims' says neither which nor why."""
    pod = _pod("0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims.")
    diagnosis = diagnose_pod(pod, events=[NO_CLASS], surroundings=Surroundings(claims=[_claim()]))
    assert diagnosis.category is Category.CLAIM_PENDING
    assert "mistral-24b-pvc gets no volume: no persistent volumes" in diagnosis.sentence
    assert "kubectl get storageclass" in diagnosis.next_action


def test_a_claim_that_does_not_exist_is_named() -> None:
    """It exists only after the volume was filled."""
    diagnosis = diagnose_pod(_pod('persistentvolumeclaim "mistral-24b-pvc" not found'), events=[])
    assert "mistral-24b-pvc does not exist" in diagnosis.sentence


def test_failure_15_a_volume_that_another_pod_holds_names_it() -> None:
    """The volume was filled while the service that mounts it ran on another node (docs/failures.md, row 15)."""
    message = 'Multi-Attach error for volume "pv-1" Volume is already used by pod(s) fill-mistral-24b-x'
    diagnosis = diagnose_pod(_pod(), events=[_event("FailedAttachVolume", message, uid="p")])
    assert (diagnosis.category, diagnosis.transient) == (Category.MULTI_ATTACH, True)
    assert "held by pod fill-mistral-24b-x" in diagnosis.sentence


def test_a_volume_that_was_attached_after_all_is_no_trouble() -> None:
    """The other pod's end frees it, and the event of before stays for an hour."""
    late = {**_event("SuccessfulAttachVolume", "ok", uid="p"), "lastTimestamp": "2026-01-01T00:00:30Z"}
    refused = _event("FailedAttachVolume", "Multi-Attach error", uid="p")
    assert diagnose_pod(_pod(), events=[refused, late]).category is Category.PENDING
