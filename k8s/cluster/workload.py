"""A service or Deployment as several watches see it: which pods are its own, and how all of it is doing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from k8s.cluster.awaiting import only
from k8s.cluster.feed import Change
from k8s.cluster.mirror import EventReader, Mirror
from k8s.cluster.watching import Source
from k8s.diagnosis import Category, Diagnosis
from k8s.fields import SERVICE_LABEL, condition, is_going
from k8s.status import Surroundings, diagnose_deployment, diagnose_inference_service
from k8s.status.inference_service import is_made_for

_SECONDS = len("2026-01-01T00:00:00Z")

Json = dict[str, Any]


class Workload:
    """One InferenceService or Deployment with its Deployments, pods and events.

    Attributes:
        thing: the object's newest state.
    """

    def __init__(self, thing: Json) -> None:
        self.thing = thing
        self._kind = {"apiVersion": thing["apiVersion"], "kind": thing["kind"]}
        self.uid: str = thing["metadata"]["uid"]
        self._mirror = Mirror()
        self._reader = EventReader()

    def take(self, change: Change) -> None:
        """Learn from a change."""
        self._mirror.take(change)
        # The items of a list do not say their kind.
        self.thing = {**(self._mirror.last("object", self.uid) or self.thing), **self._kind}

    @property
    def is_known(self) -> bool:
        """Whether everything was seen at least once; a diagnosis before that would be a guess."""
        return self._mirror.has("object", "deployments", "pods", "events")

    @property
    def is_gone(self) -> bool:
        """Whether the object was deleted, or replaced by another of its name."""
        return self._mirror.has("object") and self._mirror.find("object", self.uid) is None

    @property
    def pods(self) -> list[Json]:
        """Its pods, those of its earlier state too."""
        return self._mirror.live("pods")

    @property
    def changed_at(self) -> str:
        """When what the object asks for changed last, in whole seconds; empty if nobody wrote it down."""
        writers = self.thing["metadata"].get("managedFields") or ()
        return max((str(each.get("time", "")) for each in writers if each.get("subresource") != "status"), default="")

    def outdated(self, pod: Json) -> bool:
        """Tell whether a pod was made before the object was changed last, so that it may be about to go."""
        made, changed = str(pod["metadata"].get("creationTimestamp", ""))[:_SECONDS], self.changed_at[:_SECONDS]
        if made != changed:
            return made < changed
        # Times are whole seconds: a pod that crashed at once and the change that mends it may share one.
        return not _KINDS[self.thing["kind"]].made_for(self.thing, pod)

    @property
    def serving_pods(self) -> list[Json]:
        """Its pods that are ready and stay."""
        return [pod for pod in self.pods if condition(pod, "Ready") is not None and not is_going(pod)]

    def unread_events(self) -> list[str]:
        """Return what Kubernetes says about it and its pods and was not returned before, one sentence each."""
        ours = {self.uid} | {thing["metadata"]["uid"] for thing in (*self.pods, *self._mirror.live("deployments"))}
        events = self._mirror.live("events")
        return self._reader.unread([event for event in events if event.get("involvedObject", {}).get("uid") in ours])

    def diagnosis(self, surroundings: Surroundings, *, with_outdated: bool = True) -> Diagnosis:
        """Say how it is doing.

        Args:
            surroundings: what else is known.
            with_outdated: whether failures of pods of an earlier state count.
        """
        if self.is_gone:
            return _GONE
        pods = [pod for pod in self.pods if with_outdated or pod in self.serving_pods or not self.outdated(pod)]
        return _KINDS[self.thing["kind"]].diagnose(self, pods, surroundings)

    def deployments(self) -> list[Json]:
        """Return its Deployments, without those of an earlier service of its name."""
        return [
            each
            for each in self._mirror.live("deployments")
            if all(
                owner["uid"] == self.uid or owner["kind"] != self.thing["kind"]
                for owner in each["metadata"].get("ownerReferences", ())
            )
        ]

    def events(self) -> list[Json]:
        """Return the events of its namespace."""
        return self._mirror.live("events")


@dataclass(frozen=True, kw_only=True)
class _Kind:
    api_version: str
    selector: Callable[[Json], str]
    deployments: Callable[[Json], dict[str, str]]
    diagnose: Callable[[Workload, list[Json], Surroundings], Diagnosis]
    made_for: Callable[[Json, Json], bool]


def sources_of(thing: Json, *, path: str) -> tuple[Source, ...]:
    """Return what to watch for an object of one of the KINDS.

    Args:
        thing: the object.
        path: the path of all objects of its kind in its namespace.
    """
    kind, namespace, name = _KINDS[thing["kind"]], thing["metadata"]["namespace"], thing["metadata"]["name"]
    return (
        Source("object", path, only(name)),
        Source("deployments", f"/apis/apps/v1/namespaces/{namespace}/deployments", kind.deployments(thing)),
        Source("pods", f"/api/v1/namespaces/{namespace}/pods", {"labelSelector": kind.selector(thing)}),
        Source("events", f"/api/v1/namespaces/{namespace}/events", {}),
    )


def pods_selector(thing: Json) -> str | None:
    """Return the label selector of an object's pods, or None for a kind that has none we know."""
    kind = _KINDS.get(thing["kind"])
    return None if kind is None else kind.selector(thing)


def _diagnose_service(seen: Workload, pods: list[Json], surroundings: Surroundings) -> Diagnosis:
    return diagnose_inference_service(
        seen.thing, deployments=seen.deployments(), pods=pods, events=seen.events(), surroundings=surroundings
    )


def _diagnose_deployment(seen: Workload, pods: list[Json], surroundings: Surroundings) -> Diagnosis:
    return diagnose_deployment(seen.thing, pods=pods, events=seen.events(), surroundings=surroundings)


def _service_selector(thing: Json) -> str:
    return f"{SERVICE_LABEL}={thing['metadata']['name']}"


def _deployment_selector(thing: Json) -> str:
    labels = thing["spec"]["selector"].get("matchLabels", {})
    return ",".join(f"{key}={value}" for key, value in labels.items())


_KINDS = {
    "InferenceService": _Kind(
        api_version="serving.kserve.io/v1beta1",
        selector=_service_selector,
        deployments=lambda thing: {"labelSelector": _service_selector(thing)},
        diagnose=_diagnose_service,
        made_for=is_made_for,
    ),
    "Deployment": _Kind(
        api_version="apps/v1",
        selector=_deployment_selector,
        deployments=lambda thing: only(thing["metadata"]["name"]),
        diagnose=_diagnose_deployment,
        made_for=lambda _thing, _pod: True,  # a Deployment's pods do not say from which of its states they are
    ),
}
KINDS = {name: kind.api_version for name, kind in _KINDS.items()}
"""The kinds whose readiness can be waited for, and the version in which we read them."""

_GONE = Diagnosis(
    category=Category.DELETED,
    transient=False,
    sentence="somebody deleted it while it was waited for",
    next_action="Deploy it again if that was not meant",
)
