"""Brings the news of several watching threads to the one that decides."""

from __future__ import annotations

import queue
from dataclasses import dataclass
from typing import Any, Literal

from k8s.cluster.interruption import Interruption

Json = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """News from a source.

    Attributes:
        source: the source's name.
        kind: `listed` replaces all that is known of the source; `changed` and `deleted` are about one object.
        objects: all objects of the source, or the one.
    """

    source: str
    kind: Literal["listed", "changed", "deleted"]
    objects: tuple[Json, ...]


@dataclass(frozen=True)
class LogLine:
    """One line of a followed log, without its end."""

    text: str


@dataclass(frozen=True)
class LogEnded:
    """The followed log has come to its end, or cannot be followed any further."""


News = Change | LogLine | LogEnded


class Feed:
    """News from several threads in one queue."""

    def __init__(self, interruption: Interruption) -> None:
        self.interruption = interruption
        self._queue: queue.Queue[News | Exception] = queue.Queue()

    def put(self, news: News | Exception) -> None:
        """Hand over news, or the error that ended a thread."""
        self._queue.put(news)

    def next(self, *, seconds: float) -> News | None:
        """Wait for the next news.

        Returns:
            The news, or None if none came within that time.

        Raises:
            ClusterError: what ended one of the threads.
        """
        try:
            news = self._queue.get(timeout=max(seconds, 0.0))
        except queue.Empty:
            return None
        if isinstance(news, Exception):
            raise news
        return news
