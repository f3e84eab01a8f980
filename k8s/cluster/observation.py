"""What is known of one Job at this moment, put together from the changes of three watches."""

from __future__ import annotations

from typing import Any, Literal

from k8s.cluster.feed import Change
from k8s.cluster.mirror import EventReader, Mirror
from k8s.diagnosis import Diagnosis
from k8s.status import diagnose_job

Json = dict[str, Any]


class Observation:
    """One Job, its pods and the events about them.

    Attributes:
        job: the Job's newest state.
    """

    def __init__(self, job: Json) -> None:
        self.job = job
        self._uid: str = job["metadata"]["uid"]
        self._mirror = Mirror()
        self._reader = EventReader()

    def take(self, change: Change) -> None:
        """Learn from a change."""
        self._mirror.take(change)
        self.job = self._mirror.last("job", self._uid) or self.job

    def unread_events(self) -> list[str]:
        """Return what Kubernetes says about the Job and its pods and was not returned before, one sentence each."""
        return self._reader.unread(self._events())

    @property
    def deleted(self) -> bool:
        """Whether the Job was seen to be gone."""
        return self._mirror.has("job") and self._mirror.find("job", self._uid) is None

    @property
    def finished(self) -> Literal["Complete", "Failed"] | None:
        """How the Job ended, or None while it has not."""
        return finished(self.job)

    @property
    def pod(self) -> Json | None:
        """The Job's newest pod, or None; a deleted one's last state too, for it may be the only word about its end."""
        return max(self._pods(), key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")), default=None)

    @property
    def had_pod(self) -> bool:
        """Whether there is a pod to hear of, by the Job's own count too: its end may be told before its pod is."""
        status = self.job.get("status", {})
        return self.pod is not None or any(status.get(count) for count in ("active", "failed", "succeeded"))

    @property
    def diagnosis(self) -> Diagnosis:
        """What is wrong with it, if anything."""
        return diagnose_job(self.job, pod=self.pod, events=self._events())

    def _pods(self) -> list[Json]:
        owners = ((pod, pod["metadata"].get("ownerReferences", ())) for pod in self._mirror.known("pods"))
        return [pod for pod, refs in owners if any(ref["uid"] == self._uid for ref in refs)]

    def _events(self) -> list[Json]:
        # By uid, never by name: events of an earlier Job of the same name live for an hour.
        ours = {self._uid} | {pod["metadata"]["uid"] for pod in self._pods()}
        return [event for event in self._mirror.known("events") if event.get("involvedObject", {}).get("uid") in ours]


def finished(job: Json) -> Literal["Complete", "Failed"] | None:
    """Say how a Job ended, or None while it has not."""
    for condition in job.get("status", {}).get("conditions", ()):
        if condition["status"] == "True" and condition["type"] in {"Complete", "Failed"}:
            kind: Literal["Complete", "Failed"] = condition["type"]
            return kind
    return None
