"""Reads what Kubernetes says about a Job and its pod, and says what is wrong and what to do, worst news first: pure."""

from __future__ import annotations

from collections.abc import Sequence

from k8s.diagnosis import Category, Diagnosis
from k8s.fields import Manifest, condition, kubectl, newest
from k8s.status.admission import pod_not_created
from k8s.status.pod import diagnose_pod
from k8s.status.surroundings import NOTHING, Surroundings


def diagnose_job(
    job: Manifest, *, pod: Manifest | None, events: Sequence[Manifest], surroundings: Surroundings = NOTHING
) -> Diagnosis:
    """Say how a Job is doing.

    Args:
        job: the Job as the API returns it.
        pod: its newest pod, or None while there is none.
        events: core/v1 Events about the Job and its pods, in any order.
        surroundings: what else is known.

    Returns:
        The diagnosis; RUNNING if nothing is wrong with it.
    """
    failed = condition(job, "Failed")
    # Since 1.31 the pods are ended under the condition FailureTarget, and Failed follows when they are gone.
    doomed = failed or condition(job, "FailureTarget")
    if doomed is not None and doomed.get("reason") == "DeadlineExceeded":
        return _deadline(job)
    if pod is not None:
        finding = diagnose_pod(pod, events=events, surroundings=surroundings)
        if failed is None or finding.category not in {Category.RUNNING, Category.STARTING, Category.PENDING}:
            return finding
    refusal = newest(events, reason="FailedCreate")
    if refusal is not None and pod is None:
        return pod_not_created(str(refusal.get("message", "")), about=job)
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


def _deadline(job: Manifest) -> Diagnosis:
    seconds = job.get("spec", {}).get("activeDeadlineSeconds", "its")
    return Diagnosis(
        category=Category.DEADLINE_EXCEEDED,
        transient=False,
        sentence=f"it was stopped after activeDeadlineSeconds={seconds}",
        next_action="Allow more time in the settings: grep TIMEOUT .env",
    )
