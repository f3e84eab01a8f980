"""Every object of the cluster: in memory for reading, in SQLite for surviving a kill, with a history for watches."""

import asyncio
import json
import sqlite3
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from sandbox.kube.errors import ExpiredError
from sandbox.kube.objects import Object

HISTORY = 10_000  # changes kept for watches that resume; older ones answer 410 Gone

ResourceKey = tuple[str, str]  # group, plural
ObjectKey = tuple[str, str]  # namespace, name


class Change(NamedTuple):
    """One write: what the object was and what it is. `after` carries the new resourceVersion in a deletion, too."""

    version: int
    resource: ResourceKey
    before: Object | None
    after: Object
    deleted: bool


@dataclass(eq=False)
class Subscription:
    """A queue of the changes to one resource (or to all), from one resourceVersion on; None ends it."""

    resource: ResourceKey | None
    queue: "asyncio.Queue[Change | None]"


class Store:
    """The objects and their one, cluster-wide resourceVersion. Objects it hands out must not be changed."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        # A killed process loses nothing that was written; only a power cut could, and this is a sandbox.
        self._database.execute("PRAGMA synchronous=OFF")
        self._database.execute(
            'CREATE TABLE IF NOT EXISTS objects ("group" TEXT, plural TEXT, namespace TEXT, name TEXT, body TEXT,'
            ' PRIMARY KEY ("group", plural, namespace, name))'
        )
        self._database.execute("CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT)")
        self._objects: dict[ResourceKey, dict[ObjectKey, Object]] = {}
        for group, plural, namespace, name, body in self._database.execute("SELECT * FROM objects"):
            self._objects.setdefault((group, plural), {})[namespace, name] = json.loads(body)
        self.version = int(self.fact("version") or 1)
        self._oldest = self.version  # a watch can resume from here on
        self._history: deque[Change] = deque(maxlen=HISTORY)
        self._subscriptions: set[Subscription] = set()

    def close(self) -> None:
        """End all subscriptions and close the database."""
        for subscription in self._subscriptions:
            subscription.queue.put_nowait(None)
        self._database.close()

    def fact(self, name: str) -> str | None:
        """Return a stored setting of the cluster itself, or None."""
        row = self._database.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def set_fact(self, name: str, value: str) -> None:
        """Store a setting of the cluster itself."""
        self._database.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def get(self, resource: ResourceKey, key: ObjectKey) -> Object | None:
        """Return one object, or None."""
        return self._objects.get(resource, {}).get(key)

    def list(self, resource: ResourceKey, *, namespace: str = "") -> Iterator[Object]:
        """Yield the objects of a resource ordered by namespace and name; all namespaces if none is named."""
        held = self._objects.get(resource, {})
        for key in sorted(held):
            if not namespace or key[0] == namespace:
                yield held[key]

    def put(self, resource: ResourceKey, key: ObjectKey, obj: Object) -> Object:
        """Write an object, give it the next resourceVersion, and tell the watches. Takes the object over."""
        self.version += 1
        obj["metadata"]["resourceVersion"] = str(self.version)
        held = self._objects.setdefault(resource, {})
        before = held.get(key)
        held[key] = obj
        self._database.execute("BEGIN")
        self._database.execute("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?)", (*resource, *key, _dump(obj)))
        self._commit()
        self._publish(Change(self.version, resource, before, obj, deleted=False))
        return obj

    def delete(self, resource: ResourceKey, key: ObjectKey) -> Object:
        """Remove an object and tell the watches; return it with the resourceVersion of its deletion."""
        self.version += 1
        before = self._objects[resource].pop(key)
        after = {**before, "metadata": {**before["metadata"], "resourceVersion": str(self.version)}}
        self._database.execute("BEGIN")
        self._database.execute(
            'DELETE FROM objects WHERE "group" = ? AND plural = ? AND namespace = ? AND name = ?', (*resource, *key)
        )
        self._commit()
        self._publish(Change(self.version, resource, before, after, deleted=True))
        return after

    def subscribe(self, resource: ResourceKey | None, *, since: int) -> Subscription:
        """Follow a resource, or all, from the resourceVersion `since` on.

        Raises:
            ExpiredError: the history does not reach back so far (or forward: the state was reset).
        """
        if not self._oldest <= since <= self.version:
            raise ExpiredError(asked=since, oldest=self._oldest)
        subscription = Subscription(resource, asyncio.Queue())
        for change in self._history:
            if change.version > since and resource in {None, change.resource}:
                subscription.queue.put_nowait(change)
        self._subscriptions.add(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Stop following."""
        self._subscriptions.discard(subscription)

    def _commit(self) -> None:
        self.set_fact("version", str(self.version))
        self._database.execute("COMMIT")

    def _publish(self, change: Change) -> None:
        if len(self._history) == HISTORY:
            self._oldest = self._history[0].version
        self._history.append(change)
        for subscription in self._subscriptions:
            if subscription.resource in {None, change.resource}:
                subscription.queue.put_nowait(change)


def _dump(obj: Object) -> str:
    return json.dumps(obj, separators=(",", ":"))
