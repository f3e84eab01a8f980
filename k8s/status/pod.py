"""Reads what Kubernetes says about a pod, and says what is wrong and what to do, worst news first: pure."""

from __future__ import annotations

from collections.abc import Sequence

from k8s.diagnosis import Category, Diagnosis
from k8s.fields import Manifest, condition, container_statuses, containers, events_about, is_going, kubectl
from k8s.status.containers import container_trouble, standing_of
from k8s.status.scheduling import unschedulable
from k8s.status.surroundings import NOTHING, Surroundings
from k8s.status.volumes import mount_trouble


def diagnose_pod(pod: Manifest, *, events: Sequence[Manifest], surroundings: Surroundings = NOTHING) -> Diagnosis:
    """Say how a pod is doing.

    Args:
        pod: the Pod as the API returns it.
        events: core/v1 Events of its namespace, of which those about this pod and its claims count.
        surroundings: what else is known.
    """
    status = pod.get("status", {})
    if status.get("reason") == "Evicted":
        return _evicted(str(status.get("message", "")))
    if is_going(pod):
        return Diagnosis(
            category=Category.DELETED,
            transient=True,
            sentence="its pod was deleted while it ran, as a node's drain does",
            next_action="Run it again",
        )
    ours = events_about(events, pod)
    for entry in container_statuses(status):
        finding = container_trouble(pod, entry, events=ours, surroundings=surroundings)
        if finding is not None:
            return finding
    match status.get("phase"):
        case "Failed":
            return _failed(pod)
        case "Running" | "Succeeded":
            return _running(pod)
        case _:
            return _pending(pod, events=events, ours=ours, surroundings=surroundings)


def _pending(
    pod: Manifest, *, events: Sequence[Manifest], ours: Sequence[Manifest], surroundings: Surroundings
) -> Diagnosis:
    scheduled = condition(pod, "PodScheduled", status="False")
    if scheduled is not None and scheduled.get("reason") == "Unschedulable":
        return unschedulable(pod, str(scheduled.get("message", "")), events=events, surroundings=surroundings)
    return mount_trouble(pod, ours) or Diagnosis(
        category=Category.PENDING,
        transient=True,
        sentence="the pod is waiting to start"
        + (f": {standing_of(pod)}" if container_statuses(pod.get("status", {})) else ""),
        next_action=f"Look at it: {kubectl(pod, 'describe pod')}",
    )


def _failed(pod: Manifest) -> Diagnosis:
    said = pod["status"].get("message") or pod["status"].get("reason") or "no reason given"
    return Diagnosis(
        category=Category.UNKNOWN,
        transient=False,
        sentence=f"the pod failed: {said}",
        next_action=f"Look at it: {kubectl(pod, 'describe pod')}",
    )


def _running(pod: Manifest) -> Diagnosis:
    probed = any({"readinessProbe", "startupProbe"} & set(each) for each in containers(pod))
    if not probed or condition(pod, "Ready", status="False") is None:
        return Diagnosis(category=Category.RUNNING, transient=True, sentence="the pod runs", next_action="")
    # Not transient: what loads too slowly for its time loads as slowly the next time.
    return Diagnosis(
        category=Category.STARTING,
        transient=False,
        sentence=f"the pod runs: {standing_of(pod)}",
        next_action=f"Read along: {kubectl(pod, 'logs')} --all-containers -f; a model that loads more slowly than "
        "serving.load_seconds says needs a larger value",
    )


def _evicted(message: str) -> Diagnosis:
    # Builds of the earlier version used 59-64 GB of node disk where 14 GB were free, and were evicted again and again:
    # the same Job on the same nodes is evicted again, so this is not transient.
    disk = "ephemeral" in message.lower()
    return Diagnosis(
        category=Category.EVICTED,
        transient=False,
        sentence=f"the node evicted the pod: {message or 'no reason given'}",
        next_action=(
            "Give it more ephemeral storage or a node with a larger disk: kubectl describe nodes"
            if disk
            else "See what the node is short of: kubectl describe nodes"
        ),
    )
