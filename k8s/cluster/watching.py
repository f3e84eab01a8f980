"""Follows collections of objects by list and watch, through dropped connections, forgotten versions and restarts."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from k8s.cluster.connection import Connection, Query, ResourceExpiredError
from k8s.cluster.feed import Change, Feed
from k8s.cluster.interruption import Interruption
from k8s.cluster.outage import OUTAGE_SECONDS, Outage
from k8s.errors import ClusterUnavailableError

_WATCH_SECONDS = 120
_SILENCE_SECONDS = _WATCH_SECONDS + 30.0
_SHORTEST_WATCH_SECONDS = 0.2
_JOIN_SECONDS = 5.0

Json = dict[str, Any]


@dataclass(frozen=True)
class Source:
    """A collection to follow: a name for the consumer, its path, and which of its objects (`labelSelector`, …)."""

    name: str
    path: str
    query: Mapping[str, str]


@contextmanager
def watching(connection: Connection, *sources: Source, outage_seconds: float = OUTAGE_SECONDS) -> Iterator[Feed]:
    """Follow sources in threads of their own until the block is left.

    Args:
        connection: the API.
        *sources: what to follow; each begins with a `listed` change.
        outage_seconds: how long the API may be away in one piece.

    Yields:
        The feed of changes.
    """
    feed = Feed(Interruption())
    threads = [
        threading.Thread(
            target=_follow, args=(connection, source, feed, outage_seconds), name=f"watch-{source.name}", daemon=True
        )
        for source in sources
    ]
    for thread in threads:
        thread.start()
    try:
        yield feed
    finally:
        feed.interruption.interrupt()
        for thread in threads:
            thread.join(timeout=_JOIN_SECONDS)


def _follow(connection: Connection, source: Source, feed: Feed, outage_seconds: float) -> None:
    try:
        _Follower(connection, source, feed, outage_seconds).run()
    except Exception as error:  # noqa: BLE001 - a thread's end of the line: the consumer raises it
        if not feed.interruption:
            feed.put(error)


class _Follower:
    def __init__(self, connection: Connection, source: Source, feed: Feed, outage_seconds: float) -> None:
        self._connection = connection
        self._source = source
        self._feed = feed
        self._outage = Outage(outage_seconds)
        self._version: str | None = None

    def run(self) -> None:
        while not self._feed.interruption:
            try:
                if self._version is None:
                    self._list()
                opened = time.monotonic()
                self._watch()
                # A server that closes every watch at once must not be asked in a tight loop.
                if time.monotonic() - opened < _SHORTEST_WATCH_SECONDS:
                    self._feed.interruption.wait(_SHORTEST_WATCH_SECONDS)
            except ResourceExpiredError:
                self._version = None
            except ClusterUnavailableError as error:
                if self._feed.interruption:
                    return
                self._outage.wait(error, self._feed.interruption)
                # A drop resumes where it was; an API that is still unwell after that may have lost its history.
                if self._outage.attempts > 1:
                    self._version = None

    def _list(self) -> None:
        answer = self._connection.request("GET", self._source.path, query=self._source.query)
        self._outage.over()
        self._version = answer["metadata"]["resourceVersion"]
        self._feed.put(Change(self._source.name, "listed", tuple(answer.get("items") or ())))

    def _watch(self) -> None:
        query: Query = {
            **self._source.query,
            "watch": True,
            "resourceVersion": self._version or "",
            "allowWatchBookmarks": True,
            "timeoutSeconds": _WATCH_SECONDS,
        }
        with self._connection.lines(
            self._source.path, query=query, read_seconds=_SILENCE_SECONDS, interruption=self._feed.interruption
        ) as lines:
            for line in lines:
                self._take(_event(line, self._connection.address))

    def _take(self, event: Json) -> None:
        kind, thing = event["type"], event["object"]
        if kind == "ERROR":
            if thing.get("code") == 410:  # noqa: PLR2004 - HTTP 410 Gone, inside the stream
                raise ResourceExpiredError(thing.get("message", ""))
            raise ClusterUnavailableError(address=self._connection.address, reason=str(thing.get("message", thing)))
        self._outage.over()
        self._version = thing["metadata"]["resourceVersion"]
        if kind in {"ADDED", "MODIFIED"}:
            self._feed.put(Change(self._source.name, "changed", (thing,)))
        elif kind == "DELETED":
            self._feed.put(Change(self._source.name, "deleted", (thing,)))


def _event(line: bytes, address: str) -> Json:
    try:
        event: Json = json.loads(line)
    except ValueError as error:  # a connection cut in the middle of a line
        raise ClusterUnavailableError(address=address, reason=f"half an event: {error}") from error
    return event
