"""What a Job needs next, as a pure function of the Job and the outcome of its pods."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from sandbox.kube.objects import Object, dig, now, parse_time

_BACKOFF_SECONDS = 10.0
_LONGEST_BACKOFF = 360.0
FINISHED = frozenset({"Complete", "Failed"})


@dataclass(kw_only=True)
class Counts:
    """How a Job's pods stand."""

    active: list[Object] = field(default_factory=list)
    succeeded: int = 0
    failed: int = 0
    last_failure: float | None = None  # seconds ago


@dataclass(frozen=True, kw_only=True)
class Step:
    """What to do: the status to write, pods to create and to end, seconds after which to look again."""

    status: Object
    create: int = 0
    end: list[Object] = field(default_factory=list)
    again: float | None = None


def condition_of(job: Object, kinds: frozenset[str]) -> Object | None:
    """Return the first condition of one of these kinds that is True."""
    conditions: list[Object] = dig(job, "status.conditions") or []
    return next((entry for entry in conditions if entry["type"] in kinds and entry["status"] == "True"), None)


def next_step(job: Object, counts: Counts) -> Step:
    """Decide on an unfinished Job."""
    spec, held = job["spec"], job.get("status") or {}
    status: Object = {
        **held,
        "active": len(counts.active),
        "ready": sum(_is_ready(pod) for pod in counts.active),
        "succeeded": counts.succeeded,
        "failed": counts.failed,
        "startTime": held.get("startTime") or now(),
    }
    if spec.get("suspend"):
        suspended = _with(status, "Suspended", "JobSuspended", "Job suspended")
        return Step(status=suspended | {"active": 0, "ready": 0, "startTime": None}, end=counts.active)
    if condition_of(job, frozenset({"Suspended"})):
        status = _with(status, "Suspended", "JobResumed", "Job resumed", truth="False")
    if counts.succeeded >= spec["completions"]:
        done = _with(status, "Complete", "CompletionsReached", "Reached expected number of succeeded pods")
        return Step(status=done | {"active": 0, "ready": 0, "completionTime": now()}, end=counts.active)
    if counts.failed + _restarts(job, counts.active) > spec["backoffLimit"]:
        failed = _with(status, "Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit")
        ended = {"active": 0, "ready": 0, "failed": counts.failed + len(counts.active)}
        return Step(status=failed | ended, end=counts.active)
    left = None
    if limit := spec.get("activeDeadlineSeconds"):
        left = limit - (datetime.now(UTC) - parse_time(status["startTime"])).total_seconds()
        if left <= 0:
            failed = _with(status, "Failed", "DeadlineExceeded", "Job was active longer than specified deadline")
            ended = {"active": 0, "ready": 0, "failed": counts.failed + len(counts.active)}
            return Step(status=failed | ended, end=counts.active)
    missing = min(spec["parallelism"], spec["completions"] - counts.succeeded) - len(counts.active)
    pause = _pause(counts)
    if missing > 0 and pause > 0:
        return Step(status=status, again=min(pause, left or pause))
    return Step(status=status, create=max(0, missing), again=left)


def _with(status: Object, kind: str, reason: str, message: str, *, truth: str = "True") -> Object:
    stamp = now()
    entry = {
        "type": kind,
        "status": truth,
        "reason": reason,
        "message": message,
        "lastProbeTime": stamp,
        "lastTransitionTime": stamp,
    }
    others = [other for other in status.get("conditions") or [] if other["type"] != kind]
    return {**status, "conditions": [*others, entry]}


def _pause(counts: Counts) -> float:
    """Return the seconds until the next attempt: 10 s after the first failure, doubling up to 6 minutes."""
    if not counts.failed or counts.last_failure is None:
        return 0.0
    return float(min(_BACKOFF_SECONDS * 2 ** (counts.failed - 1), _LONGEST_BACKOFF) - counts.last_failure)


def _restarts(job: Object, active: list[Object]) -> int:
    if job["spec"]["template"]["spec"]["restartPolicy"] != "OnFailure":
        return 0
    return sum(entry.get("restartCount", 0) for pod in active for entry in dig(pod, "status.containerStatuses") or [])


def _is_ready(pod: Object) -> bool:
    conditions = dig(pod, "status.conditions") or []
    return any(entry["type"] == "Ready" and entry["status"] == "True" for entry in conditions)
