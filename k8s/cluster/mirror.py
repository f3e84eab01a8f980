"""What several watched collections hold at this moment, and what they held of objects that are gone."""

from __future__ import annotations

from typing import Any

from k8s.cluster.feed import Change

Json = dict[str, Any]


class Mirror:
    """The newest state of every object of a feed's sources."""

    def __init__(self) -> None:
        self._live: dict[str, dict[str, Json]] = {}
        self._known: dict[str, dict[str, Json]] = {}

    def take(self, change: Change) -> None:
        """Learn from a change."""
        objects = {thing["metadata"]["uid"]: thing for thing in change.objects}
        self._known.setdefault(change.source, {}).update(objects)
        live = self._live.setdefault(change.source, {})
        if change.kind == "listed":
            live.clear()
        if change.kind == "deleted":
            for uid in objects:
                live.pop(uid, None)
        else:
            live.update(objects)

    def has(self, *sources: str) -> bool:
        """Tell whether each of the sources was listed at least once."""
        return all(source in self._live for source in sources)

    def live(self, source: str) -> list[Json]:
        """Return what a source holds."""
        return list(self._live.get(source, {}).values())

    def known(self, source: str) -> list[Json]:
        """Return what a source holds or ever held, the last state of each: it may be the only word about its end."""
        return list(self._known.get(source, {}).values())

    def find(self, source: str, uid: str) -> Json | None:
        """Return one object of a source if it is there now."""
        return self._live.get(source, {}).get(uid)

    def last(self, source: str, uid: str) -> Json | None:
        """Return the last known state of one object."""
        return self._known.get(source, {}).get(uid)


class EventReader:
    """Reads each event once."""

    def __init__(self) -> None:
        self._read: set[str] = set()

    def unread(self, events: list[Json]) -> list[str]:
        """Return the events that were not read before, one sentence each."""
        unread = [event for event in events if event["metadata"]["uid"] not in self._read]
        self._read |= {event["metadata"]["uid"] for event in unread}
        return [f"{event.get('reason', '')}: {event.get('message', '')}" for event in unread]
