"""The log of a Job's pod: read along while it runs, its tail kept for the end."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from k8s.cluster.connection import Connection
from k8s.cluster.feed import Change, Feed, LogEnded, LogLine
from k8s.cluster.logs import follow_log, log_tail
from k8s.errors import ClusterError

_LAST_LINES_SECONDS = 5.0

Json = dict[str, Any]


class JobLog:
    """Follows one pod's log into a feed, and remembers its last lines.

    The lines are remembered because a pod that Kubernetes deletes (at the Job's own deadline, at a node's end) takes
    its log with it.
    """

    def __init__(self, connection: Connection, feed: Feed, *, lines: int, on_log: Callable[[str], None]) -> None:
        self._connection = connection
        self._feed = feed
        self._lines = lines
        self._on_log = on_log
        self._last: deque[str] = deque(maxlen=lines)
        self._started_for: str | None = None
        self._ended = True

    def follow(self, pod: Json | None) -> None:
        """Begin to follow the pod's log as soon as its container has started; call it at every change."""
        if pod is None or pod["metadata"]["uid"] == self._started_for or not _has_started(pod):
            return
        self._started_for, self._ended = pod["metadata"]["uid"], False
        threading.Thread(
            target=follow_log, args=(self._connection, pod, self._feed), name="follow-log", daemon=True
        ).start()

    def take(self, news: LogLine | LogEnded) -> None:
        """Take what the following brought."""
        if isinstance(news, LogEnded):
            self._ended = True
        else:
            self._last.append(news.text)
            self._on_log(news.text)

    def tail(self, pod: Json | None) -> tuple[str, ...]:
        """Return the last lines: the followed ones to their end, else what the API still has.

        Args:
            pod: the pod's last state, None if there never was one.
        """
        until = time.monotonic() + (_LAST_LINES_SECONDS if has_ended(pod) else 0.0)
        while not self._ended and (left := until - time.monotonic()) > 0:
            news = self._feed.next(seconds=left)
            if news is not None and not isinstance(news, Change):
                self.take(news)
        if self._last and pod is not None and pod["metadata"].get("deletionTimestamp"):
            return tuple(self._last)  # whatever the kubelet still tells of such a pod's log, we have read it
        if pod is not None and (_has_started(pod) or has_ended(pod)):
            try:
                return log_tail(self._connection, pod, lines=self._lines)
            except ClusterError as error:
                # The log explains a failure; that it is gone must not hide the failure itself.
                if not self._last:
                    return (f"(its log cannot be read: {error.sentence})",)
        return tuple(self._last)


def _has_started(pod: Json) -> bool:
    return bool(_states(pod) & {"running", "terminated"})


def has_ended(pod: Json | None) -> bool:
    """Tell whether the pod's container has come to its end, or an init container failed before it."""
    if pod is None:
        return False
    early = (status.get("state", {}) for status in pod.get("status", {}).get("initContainerStatuses", ()))
    return "terminated" in _states(pod) or any((state.get("terminated") or {}).get("exitCode") for state in early)


def _states(pod: Json) -> set[str]:
    statuses = pod.get("status", {}).get("containerStatuses", ())
    return {state for status in statuses for state in status.get("state", {})}
