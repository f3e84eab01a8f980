"""Reads what Kubernetes says about a Deployment and its pods: is it rolled out, and if not, why: pure."""

from __future__ import annotations

from collections.abc import Sequence

from k8s.diagnosis import HEALTHY, Category, Diagnosis
from k8s.fields import Manifest, condition, event_time, is_going, kubectl, name_of, newest
from k8s.status.admission import pod_not_created
from k8s.status.pod import diagnose_pod
from k8s.status.surroundings import NOTHING, Surroundings

_SECONDS = len("2026-01-01T00:00:00")


def is_rolled_out(deployment: Manifest) -> bool:
    """Tell whether all copies of a Deployment are of its newest template and ready, and no older one is left."""
    status, wanted = deployment.get("status", {}), int(deployment.get("spec", {}).get("replicas", 1))
    return (
        int(status.get("observedGeneration", 0)) >= int(deployment.get("metadata", {}).get("generation", 0))
        and int(status.get("updatedReplicas", 0)) == wanted
        and int(status.get("replicas", 0)) == wanted
        and int(status.get("readyReplicas", 0)) == wanted
        and int(status.get("availableReplicas", 0)) == wanted
    )


def diagnose_deployment(
    deployment: Manifest,
    *,
    pods: Sequence[Manifest],
    events: Sequence[Manifest],
    surroundings: Surroundings = NOTHING,
) -> Diagnosis:
    """Say how a Deployment is doing, worst news first.

    Args:
        deployment: the Deployment as the API returns it.
        pods: its pods, also those of older templates.
        events: core/v1 Events of its namespace.
        surroundings: what else is known.
    """
    if is_rolled_out(deployment):
        return Diagnosis(
            category=Category.READY,
            transient=True,
            sentence=f"Deployment {name_of(deployment)} is rolled out",
            next_action="",
        )
    finding = worst_of(pods, events=events, surroundings=surroundings)
    if finding is not None and finding.category not in HEALTHY:
        return finding
    return creation_trouble(deployment, events=events, has_pods=finding is not None) or finding or _waiting(deployment)


def worst_of(
    pods: Sequence[Manifest], *, events: Sequence[Manifest], surroundings: Surroundings = NOTHING
) -> Diagnosis | None:
    """Return the worst finding about pods that are to stay, or None if there is none of them.

    Args:
        pods: pods of one workload.
        events: events of their namespace.
        surroundings: what else is known.
    """
    # Of two templates, the newer one's pods are what is being waited for.
    staying = sorted((pod for pod in pods if not is_going(pod)), key=_created, reverse=True)
    findings = [diagnose_pod(pod, events=events, surroundings=surroundings) for pod in staying]
    return next((each for each in findings if each.category not in HEALTHY), findings[0] if findings else None)


def creation_trouble(deployment: Manifest, *, events: Sequence[Manifest], has_pods: bool) -> Diagnosis | None:
    """Return why a Deployment's pods are refused, or None.

    Args:
        deployment: the Deployment.
        events: events of its namespace. Those about a ReplicaSet count by its name, which holds the template's hash.
        has_pods: whether it has pods; a refusal in the events is over then.
    """
    failure = condition(deployment, "ReplicaFailure")
    if failure is not None:
        return pod_not_created(str(failure.get("message", "")), about=deployment)
    if has_pods:
        return None
    # An earlier Deployment of this name may have left its events; they are told by their time, in whole seconds.
    since = _created(deployment)[:_SECONDS]
    refusals = (
        event
        for event in events
        if event.get("involvedObject", {}).get("kind") == "ReplicaSet"
        and str(event["involvedObject"].get("name", "")).startswith(f"{name_of(deployment)}-")
        and event_time(event)[:_SECONDS] >= since
    )
    refusal = newest(refusals, reason="FailedCreate")
    return None if refusal is None else pod_not_created(str(refusal.get("message", "")), about=deployment)


def _waiting(deployment: Manifest) -> Diagnosis:
    progress = condition(deployment, "Progressing", status="False")
    if progress is not None and progress.get("reason") == "ProgressDeadlineExceeded":
        return Diagnosis(
            category=Category.DEADLINE_EXCEEDED,
            transient=False,
            sentence=f"Deployment {name_of(deployment)} made no progress: {progress.get('message', '')}",
            next_action=f"Look at it: {kubectl(deployment, 'describe deployment')}",
        )
    return Diagnosis(
        category=Category.PENDING,
        transient=True,
        sentence=f"Deployment {name_of(deployment)} has no pod yet",
        next_action=f"Look at it: {kubectl(deployment, 'describe deployment')}",
    )


def _created(thing: Manifest) -> str:
    return str(thing.get("metadata", {}).get("creationTimestamp", ""))
