"""What keeps a volume from a pod: claims that wait, volumes that another node holds, mounts that fail: pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from k8s.diagnosis import Category, Diagnosis
from k8s.fields import Manifest, event_time, events_about, kubectl, name_of, namespace_flag, newest
from k8s.status.admission import missing_object_action

# The image is pulled after every volume is mounted: a later pull means that the mount has healed.
_AFTER_MOUNTING = frozenset({"Pulling", "Pulled", "Created", "Started"})
_HELD_BY_PODS = re.compile(r"already used by pod\(s\) (?P<pods>.+)")
_NO_CLAIM = re.compile(r'persistentvolumeclaim "(?P<claim>[^"]+)" not found')


def diagnose_claim(claim: Manifest, *, events: Sequence[Manifest]) -> Diagnosis:
    """Say how a PersistentVolumeClaim is doing.

    Args:
        claim: the claim as the API returns it.
        events: core/v1 Events, of which only those about this claim count.
    """
    phase = claim.get("status", {}).get("phase", "Pending")
    name, flag = name_of(claim), namespace_flag(claim)
    look = f"kubectl describe pvc {name}{flag}"
    if phase == "Bound":
        return Diagnosis(category=Category.READY, transient=True, sentence=f"claim {name} is bound", next_action="")
    if phase == "Lost":
        return Diagnosis(
            category=Category.CLAIM_LOST,
            transient=False,
            sentence=f"claim {name} has lost its volume {claim.get('spec', {}).get('volumeName', '')} and its data",
            next_action=f"Delete it and deploy again, which fills a new one: kubectl delete pvc {name}{flag}",
        )
    ours = events_about(events, claim)
    failed = newest(ours, reason="ProvisioningFailed")
    if failed is not None:
        return Diagnosis(
            category=Category.CLAIM_PENDING,
            transient=False,
            sentence=f"claim {name} gets no volume: {failed.get('message', '')}",
            next_action=f"Check its storage class: kubectl get storageclass; {look}",
        )
    unbound = newest(ours, reason="FailedBinding")
    if unbound is not None:
        return Diagnosis(
            category=Category.CLAIM_PENDING,
            transient=False,
            sentence=f"claim {name} gets no volume: {unbound.get('message', '')}",
            next_action="Mark a storage class as the default, or name one: kubectl get storageclass",
        )
    waits = newest(ours, reason="WaitForFirstConsumer") is not None
    return Diagnosis(
        category=Category.PENDING,
        transient=True,
        sentence=f"claim {name} waits for {'its first pod' if waits else 'a volume'}",
        next_action=f"Look at it: {look}",
    )


def claim_trouble(pod: Manifest, *, message: str, claims: Sequence[Manifest], events: Sequence[Manifest]) -> Diagnosis:
    """Say which of a pod's claims keeps it from being scheduled.

    Args:
        pod: the pod.
        message: what the scheduler says.
        claims: the claims of its namespace that are known, possibly none.
        events: events of the namespace.
    """
    missing = _NO_CLAIM.search(message)
    if missing is not None:
        return Diagnosis(
            category=Category.CLAIM_PENDING,
            transient=False,
            sentence=f"its volume claim {missing['claim']} does not exist",
            next_action="Deploy the model, which creates and fills it; then check: "
            f"kubectl get pvc {missing['claim']}{namespace_flag(pod)}",
        )
    names = {
        volume["persistentVolumeClaim"]["claimName"]
        for volume in pod.get("spec", {}).get("volumes", ())
        if "persistentVolumeClaim" in volume
    }
    findings = [diagnose_claim(claim, events=events) for claim in claims if name_of(claim) in names]
    unwell = next((each for each in findings if each.category is not Category.READY), None)
    return Diagnosis(
        category=unwell.category if unwell and unwell.category is Category.CLAIM_LOST else Category.CLAIM_PENDING,
        transient=False,
        sentence=f"the pod waits for its volume: {unwell.sentence if unwell else message}",
        next_action=unwell.next_action if unwell else f"Look at its claims: kubectl get pvc{namespace_flag(pod)}",
    )


def mount_trouble(pod: Manifest, events: Sequence[Manifest]) -> Diagnosis | None:
    """Return what keeps a scheduled pod's volumes from it, or None.

    Args:
        pod: the pod.
        events: the events about it.
    """
    if any(event.get("reason") in _AFTER_MOUNTING for event in events):
        return None
    attach = newest(events, reason="FailedAttachVolume")
    attached = newest(events, reason="SuccessfulAttachVolume")
    if attach is not None and (attached is None or event_time(attached) < event_time(attach)):
        return _attach(pod, str(attach.get("message", "")))
    mount = newest(events, reason="FailedMount")
    if mount is None:
        return None
    message = str(mount.get("message", ""))
    return Diagnosis(
        category=Category.VOLUME_MOUNT,
        transient=False,
        sentence=f"a volume cannot be mounted: {message}",
        next_action=missing_object_action(message, about=pod),
    )


def _attach(pod: Manifest, message: str) -> Diagnosis:
    if "Multi-Attach" not in message:
        return Diagnosis(
            category=Category.VOLUME_MOUNT,
            transient=True,
            sentence=f"a volume cannot be attached to the node: {message}",
            next_action=f"Look at it: {kubectl(pod, 'describe pod')}; kubectl get volumeattachments",
        )
    holders = _HELD_BY_PODS.search(message)
    by = f"pod {holders['pods']}" if holders else "another node"
    # The earlier version filled a ReadWriteOnce volume while the service that mounts it ran on another node.
    return Diagnosis(
        category=Category.MULTI_ATTACH,
        transient=True,
        sentence=f"its ReadWriteOnce volume is still held by {by} (Multi-Attach)",
        next_action=f"See who mounts it, and end that: kubectl describe pvc{namespace_flag(pod)}",
    )
