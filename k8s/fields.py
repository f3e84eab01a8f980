"""Reads single facts out of what the Kubernetes API returns: conditions, events, and how kubectl names an object."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from k8s.manifests.labels import MODEL_LABEL

SERVICE_LABEL = "serving.kserve.io/inferenceservice"
"""KServe sets it, with the service's name, on the Deployments and pods of both deployment modes."""

Manifest = Mapping[str, Any]


def holds_resources(pod: Manifest) -> bool:
    """Tell whether a pod holds GPUs and volumes: one that has ended does not, though it may be listed for days."""
    return pod.get("status", {}).get("phase") not in {"Succeeded", "Failed"}


def container_statuses(status: Manifest) -> list[Manifest]:
    """Return the statuses of a pod's containers, init containers first, from the pod's `status`."""
    return [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]


def containers(pod: Manifest) -> list[Manifest]:
    """Return a pod's containers as its spec declares them, init containers first."""
    spec = pod.get("spec", {})
    return [*spec.get("initContainers", ()), *spec.get("containers", ())]


def container(pod: Manifest, name: str) -> Manifest:
    """Return a pod's container of this name as its spec declares it; empty if there is none."""
    return next((each for each in containers(pod) if each.get("name") == name), {})


def argument(declared: Manifest, name: str) -> str | None:
    """Return the value of a command line argument such as `max-model-len` of a declared container, or None.

    The last one counts, as it does for the engine; both `--name=value` and `--name value` are read.
    """
    words = [str(word) for word in (*declared.get("command", ()), *declared.get("args", ()))]
    value = None
    for at, word in enumerate(words):
        if word.startswith(f"--{name}="):
            value = word.partition("=")[2]
        elif word == f"--{name}" and at + 1 < len(words):
            value = words[at + 1]
    return value


def condition(thing: Manifest, kind: str, *, status: str = "True") -> Manifest | None:
    """Return an object's condition of this type if it has this status, else None."""
    for entry in thing.get("status", {}).get("conditions", ()):
        if entry.get("type") == kind and entry.get("status") == status:
            found: Manifest = entry
            return found
    return None


def newest(events: Iterable[Manifest], *, reason: str, words: str = "") -> Manifest | None:
    """Return the newest event with this reason whose message has these words, or None."""
    matching = [event for event in events if event.get("reason") == reason and words in str(event.get("message", ""))]
    return max(matching, key=event_time, default=None)


def is_about(event: Manifest, thing: Manifest) -> bool:
    """Tell whether an event is about this very object, not about an earlier one of its name."""
    return bool(event.get("involvedObject", {}).get("uid") == thing.get("metadata", {}).get("uid"))


def events_about(events: Sequence[Manifest], thing: Manifest) -> list[Manifest]:
    """Return the events that are about this very object."""
    return [event for event in events if is_about(event, thing)]


def event_time(event: Manifest) -> str:
    """Return when an event was seen last, as text that can be compared."""
    # Which of them is set depends on who wrote the event; each is RFC 3339, so that they compare as text.
    times = (event.get("lastTimestamp"), event.get("eventTime"), event.get("metadata", {}).get("creationTimestamp"))
    return next((str(time) for time in times if time), "")


def name_of(thing: Manifest) -> str:
    """Return an object's name."""
    return str(thing.get("metadata", {}).get("name", ""))


def is_going(thing: Manifest) -> bool:
    """Tell whether an object is being deleted."""
    return bool(thing.get("metadata", {}).get("deletionTimestamp"))


def model_key(thing: Manifest) -> str:
    """Return the catalog key of the model that an object belongs to, or `<model>` where that is unknown."""
    return str(thing.get("metadata", {}).get("labels", {}).get(MODEL_LABEL, "<model>"))


def kubectl(thing: Manifest, command: str) -> str:
    """Return a kubectl command about an object: `kubectl describe pod NAME -n NAMESPACE`."""
    return f"kubectl {command} {name_of(thing)}{namespace_flag(thing)}"


def namespace_flag(thing: Manifest) -> str:
    """Return ` -n NAMESPACE`, or nothing for an object without one."""
    namespace = thing.get("metadata", {}).get("namespace")
    return f" -n {namespace}" if namespace else ""
