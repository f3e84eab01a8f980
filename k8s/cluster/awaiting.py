"""Waits until one object is as it should be, or gone, by watching it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from k8s.cluster.connection import Connection
from k8s.cluster.feed import Change
from k8s.cluster.mirror import Mirror
from k8s.cluster.watching import Source, watching

Json = dict[str, Any]


def await_state(
    connection: Connection, source: Source, *, until: Callable[[list[Json]], bool], deadline: float
) -> bool:
    """Watch a collection until it is as it should be.

    Args:
        connection: the API.
        source: the collection, or the one object of it that its query selects.
        until: told all its objects at every change; True ends the wait.
        deadline: until when to wait, in monotonic seconds.

    Returns:
        False if the time was up first.

    Raises:
        ClusterError: the API refused, or was away for too long.
    """
    mirror = Mirror()
    with watching(connection, source) as feed:
        while (left := deadline - time.monotonic()) > 0:
            news = feed.next(seconds=left)
            if isinstance(news, Change):
                mirror.take(news)
                if until(mirror.live(source.name)):
                    return True
    return False


def only(name: str) -> dict[str, str]:
    """Return the query that selects one object by its name."""
    return {"fieldSelector": f"metadata.name={name}"}
