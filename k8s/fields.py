"""Reads single facts out of what the Kubernetes API returns: conditions, events, and how kubectl names an object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Manifest = Mapping[str, Any]


def container_statuses(status: Manifest) -> list[Manifest]:
    """Return the statuses of a pod's containers, init containers first, from the pod's `status`."""
    return [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]


def condition(thing: Manifest, kind: str, *, status: str = "True") -> Manifest | None:
    """Return an object's condition of this type if it has this status, else None."""
    for entry in thing.get("status", {}).get("conditions", ()):
        if entry.get("type") == kind and entry.get("status") == status:
            found: Manifest = entry
            return found
    return None


def newest(events: Sequence[Manifest], *, reason: str) -> Manifest | None:
    """Return the newest event with this reason, or None."""
    matching = [event for event in events if event.get("reason") == reason]
    return max(matching, key=_event_time, default=None)


def is_about(event: Manifest, thing: Manifest) -> bool:
    """Tell whether an event is about this very object, not about an earlier one of its name."""
    return bool(event.get("involvedObject", {}).get("uid") == thing.get("metadata", {}).get("uid"))


def kubectl(thing: Manifest, command: str) -> str:
    """Return a kubectl command about an object: `kubectl describe pod NAME -n NAMESPACE`."""
    return f"kubectl {command} {thing.get('metadata', {}).get('name', '')}{namespace_flag(thing)}"


def namespace_flag(thing: Manifest) -> str:
    """Return ` -n NAMESPACE`, or nothing for an object without one."""
    namespace = thing.get("metadata", {}).get("namespace")
    return f" -n {namespace}" if namespace else ""


def _event_time(event: Manifest) -> str:
    # Which of them is set depends on who wrote the event; each is RFC 3339, so that they compare as text.
    times = (event.get("lastTimestamp"), event.get("eventTime"), event.get("metadata", {}).get("creationTimestamp"))
    return next((str(time) for time in times if time), "")
