"""Reads what Kubernetes says about a Job and its pod, and says what is wrong and what to do: pure."""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping, Sequence
from typing import Any

from k8s.diagnosis import Category, Diagnosis
from k8s.fields import condition, container_statuses, is_about, kubectl, namespace_flag, newest

Manifest = Mapping[str, Any]

_PULL_REASONS = frozenset({"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "RegistryUnavailable"})
_AFTER_MOUNTING = frozenset({"Pulling", "Pulled", "Created", "Started"})
_CONFIG_REASONS = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})


def diagnose_job(job: Manifest, *, pod: Manifest | None, events: Sequence[Manifest]) -> Diagnosis:
    """Say how a Job is doing, worst news first.

    Args:
        job: the Job as the API returns it.
        pod: its newest pod, or None while there is none.
        events: core/v1 Events about the Job and its pods, in any order.

    Returns:
        The diagnosis; RUNNING if nothing is wrong with it.
    """
    failed = condition(job, "Failed")
    # Since 1.31 the pods are ended under the condition FailureTarget, and Failed follows when they are gone.
    doomed = failed or condition(job, "FailureTarget")
    if doomed is not None and doomed.get("reason") == "DeadlineExceeded":
        return _deadline(job)
    if pod is not None:
        finding = diagnose_pod(pod, events=events)
        if failed is None or finding.category not in {Category.RUNNING, Category.PENDING}:
            return finding
    refusal = newest(events, reason="FailedCreate")
    if refusal is not None and pod is None:
        return _pod_not_created(job, str(refusal.get("message", "")))
    if failed is not None:
        said = failed.get("message") or failed.get("reason") or "no reason given"
        return Diagnosis(
            category=Category.UNKNOWN,
            transient=False,
            sentence=f"the Job is failed ({said}) and its pod does not say why",
            next_action=f"Look at it: {kubectl(job, 'describe job')}",
        )
    return Diagnosis(
        category=Category.PENDING,
        transient=True,
        sentence="no pod was created yet",
        next_action=f"Look at it: {kubectl(job, 'describe job')}",
    )


def diagnose_pod(pod: Manifest, *, events: Sequence[Manifest]) -> Diagnosis:
    """Say how a pod is doing, worst news first.

    Args:
        pod: the Pod as the API returns it.
        events: core/v1 Events, of which only those about this pod count.
    """
    status = pod.get("status", {})
    if status.get("reason") == "Evicted":
        return _evicted(str(status.get("message", "")))
    if "deletionTimestamp" in pod.get("metadata", {}):
        return Diagnosis(
            category=Category.DELETED,
            transient=True,
            sentence="its pod was deleted while it ran, as a node's drain does",
            next_action="Run it again",
        )
    for container in container_statuses(status):
        finding = _container_finding(pod, container)
        if finding is not None:
            return finding
    if status.get("phase") == "Failed":
        said = status.get("message") or status.get("reason") or "no reason given"
        return Diagnosis(
            category=Category.UNKNOWN,
            transient=False,
            sentence=f"the pod failed: {said}",
            next_action=f"Look at it: {kubectl(pod, 'describe pod')}",
        )
    return _progress(pod, [event for event in events if is_about(event, pod)])


def _progress(pod: Manifest, events: Sequence[Manifest]) -> Diagnosis:
    if pod.get("status", {}).get("phase") in {"Running", "Succeeded"}:
        return Diagnosis(category=Category.RUNNING, transient=True, sentence="the pod runs", next_action="")
    scheduled = condition(pod, "PodScheduled", status="False")
    if scheduled is not None and scheduled.get("reason") == "Unschedulable":
        return Diagnosis(
            category=Category.UNSCHEDULABLE,
            transient=False,
            sentence=f"no node can take the pod: {scheduled.get('message', 'the scheduler gives no reason')}",
            next_action="Compare with what the nodes have: kubectl describe nodes",
        )
    mount = newest(events, reason="FailedMount")
    # The image is pulled after every volume is mounted: a later pull means that the mount has healed.
    if mount is not None and not any(event.get("reason") in _AFTER_MOUNTING for event in events):
        return Diagnosis(
            category=Category.VOLUME_MOUNT,
            transient=False,
            sentence=f"a volume cannot be mounted: {mount.get('message', '')}",
            next_action=_missing_object_action(pod, str(mount.get("message", ""))),
        )
    return Diagnosis(
        category=Category.PENDING,
        transient=True,
        sentence="the pod is waiting to start",
        next_action=f"Look at it: {kubectl(pod, 'describe pod')}",
    )


def _container_finding(pod: Manifest, container: Manifest) -> Diagnosis | None:
    for state in (container.get("state", {}), container.get("lastState", {})):
        terminated = state.get("terminated")
        if terminated and (terminated.get("exitCode", 0) != 0 or terminated.get("reason") == "OOMKilled"):
            return _terminated(pod, terminated)
    waiting = container.get("state", {}).get("waiting")
    return _waiting(pod, container, waiting) if waiting else None


def _waiting(pod: Manifest, container: Manifest, waiting: Manifest) -> Diagnosis | None:
    reason, message = str(waiting.get("reason", "")), str(waiting.get("message", ""))
    if reason == "InvalidImageName":
        return Diagnosis(
            category=Category.INVALID_IMAGE_NAME,
            transient=False,
            sentence=f"'{container.get('image', '')}' is not an image name",
            next_action="Correct the image's name in the settings: grep IMAGE .env",
        )
    if reason in _PULL_REASONS:
        return Diagnosis(
            category=Category.IMAGE_PULL,
            transient=False,
            sentence=f"the image {container.get('image', '')} cannot be pulled: {message or reason}",
            next_action=f"Check its name and the pull secret: {kubectl(pod, 'describe pod')}",
        )
    if reason in _CONFIG_REASONS:
        return Diagnosis(
            category=Category.CREATE_CONTAINER_CONFIG,
            transient=False,
            sentence=f"the container cannot be created: {message or reason}",
            next_action=_missing_object_action(pod, message),
        )
    return None


def _terminated(pod: Manifest, terminated: Manifest) -> Diagnosis:
    code = int(terminated.get("exitCode", 0))
    if terminated.get("reason") == "OOMKilled":
        return Diagnosis(
            category=Category.OOM_KILLED,
            transient=False,
            sentence="the container used more memory than its limit and was killed (OOMKilled)",
            next_action=f"Raise the memory limit; see what it is: {kubectl(pod, 'describe pod')}",
        )
    return Diagnosis(
        category=Category.EXIT_CODE,
        transient=False,
        sentence=f"the container ended with exit code {code}{_signal(code)}",
        next_action=f"Read its log: {kubectl(pod, 'logs')}",
    )


def _signal(code: int) -> str:
    # A shell and a runtime report a process that a signal has ended as 128 and the signal's number.
    known = {128 + number: number.name for number in signal.Signals}
    return f" (ended by {known[code]})" if code in known else ""


def _evicted(message: str) -> Diagnosis:
    # Builds of the earlier version used 59-64 GB of node disk where 14 GB were free, and were evicted again and again:
    # the same Job on the same nodes is evicted again, so this is not transient.
    disk = "ephemeral" in message.lower()
    return Diagnosis(
        category=Category.EVICTED,
        transient=False,
        sentence=f"the node evicted the pod: {message or 'no reason given'}",
        next_action=(
            "Give the Job more ephemeral storage or a node with a larger disk: kubectl describe nodes"
            if disk
            else "See what the node is short of: kubectl describe nodes"
        ),
    )


def _deadline(job: Manifest) -> Diagnosis:
    seconds = job.get("spec", {}).get("activeDeadlineSeconds", "its")
    return Diagnosis(
        category=Category.DEADLINE_EXCEEDED,
        transient=False,
        sentence=f"it was stopped after activeDeadlineSeconds={seconds}",
        next_action="Allow more time in the settings: grep TIMEOUT .env",
    )


def _pod_not_created(job: Manifest, message: str) -> Diagnosis:
    quota = "exceeded quota" in message
    return Diagnosis(
        category=Category.POD_NOT_CREATED,
        transient=quota,  # another pod's end frees the quota
        sentence=f"its pod is refused: {message}",
        next_action=(
            f"See what uses the quota: kubectl describe quota{namespace_flag(job)}"
            if quota
            else _missing_object_action(job, message)
        ),
    )


def _missing_object_action(about: Manifest, message: str) -> str:
    """Name the command that creates or shows what a kubelet or controller message says is missing."""
    found = re.search(r'(secret|configmap|serviceaccount)s? "([^"]+)" not found', message)
    if found is None:
        return f"Look at it: kubectl get events{namespace_flag(about)}"
    kind, name = found.groups()
    check = f"kubectl get {kind} {name.rpartition('/')[2]}{namespace_flag(about)}"
    return f"Create it: python -m flows.apply_platform; then check: {check}"
