"""What is known of one Job at this moment, put together from the changes of three watches."""

from __future__ import annotations

from typing import Any, Literal

from k8s.cluster.feed import Change
from k8s.diagnosis import Diagnosis
from k8s.status import diagnose_job

Json = dict[str, Any]


class Observation:
    """One Job, its pods and the events about them.

    Attributes:
        job: the Job's newest state.
        deleted: True once the Job was seen to be gone.
    """

    def __init__(self, job: Json) -> None:
        self.job = job
        self.deleted = False
        self._uid: str = job["metadata"]["uid"]
        self._pods: dict[str, Json] = {}
        self._events: dict[str, Json] = {}
        self._read: set[str] = set()

    def take(self, change: Change) -> None:
        """Learn from a change."""
        match change.source:
            case "job":
                self._take_job(change)
            case "pods":
                self._take_pods(change)
            case "events":
                self._events |= {event["metadata"]["uid"]: event for event in change.objects}

    def unread_events(self) -> list[str]:
        """Return what Kubernetes says about the Job and its pods and was not returned before, one sentence each."""
        unread = [event for uid, event in self._events.items() if uid not in self._read and self._is_ours(event)]
        self._read |= {event["metadata"]["uid"] for event in unread}
        return [f"{event.get('reason', '')}: {event.get('message', '')}" for event in unread]

    @property
    def finished(self) -> Literal["Complete", "Failed"] | None:
        """How the Job ended, or None while it has not."""
        return finished(self.job)

    @property
    def pod(self) -> Json | None:
        """The Job's newest pod, or None."""
        return max(self._pods.values(), key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")), default=None)

    @property
    def diagnosis(self) -> Diagnosis:
        """What is wrong with it, if anything."""
        events = [event for event in self._events.values() if self._is_ours(event)]
        return diagnose_job(self.job, pod=self.pod, events=events)

    def _take_job(self, change: Change) -> None:
        ours = [job for job in change.objects if job["metadata"]["uid"] == self._uid]
        if change.kind == "deleted":
            self.deleted = self.deleted or bool(ours)
        elif ours:
            self.job = ours[0]
        elif change.kind == "listed":
            self.deleted = True

    def _take_pods(self, change: Change) -> None:
        owners = ((pod, pod["metadata"].get("ownerReferences", ())) for pod in change.objects)
        ours = {pod["metadata"]["uid"]: pod for pod, refs in owners if any(ref["uid"] == self._uid for ref in refs)}
        # A deleted pod's last state is kept: it may hold the only word about why it went.
        self._pods |= ours

    def _is_ours(self, event: Json) -> bool:
        # By uid, never by name: events of an earlier Job of the same name live for an hour.
        uid = event.get("involvedObject", {}).get("uid")
        return uid == self._uid or uid in self._pods


def finished(job: Json) -> Literal["Complete", "Failed"] | None:
    """Say how a Job ended, or None while it has not."""
    for condition in job.get("status", {}).get("conditions", ()):
        if condition["status"] == "True" and condition["type"] in {"Complete", "Failed"}:
            kind: Literal["Complete", "Failed"] = condition["type"]
            return kind
    return None
