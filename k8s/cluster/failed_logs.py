"""The last words of containers that failed, read once for each run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from k8s.cluster.connection import Connection
from k8s.cluster.logs import container_log
from k8s.errors import ClusterError, ClusterUnavailableError
from k8s.fields import container_statuses, is_going, name_of

# vLLM's root error stands some 150 lines above the end: the API server's traceback follows the engine's.
_LINES = 600

Json = dict[str, Any]


class FailedLogs:
    """Reads the logs that explain failures, and keeps them: the next restart overwrites them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._read: dict[tuple[str, str, int], tuple[str, ...]] = {}
        self._last: dict[tuple[str, str], tuple[str, ...]] = {}

    def of(self, pods: Iterable[Json]) -> dict[tuple[str, str], tuple[str, ...]]:
        """Return the last lines of the failed runs of pods that stay, by pod name and container name."""
        for pod in pods:
            if not is_going(pod):
                for status in container_statuses(pod.get("status", {})):
                    self._take(pod, status)
        return self._last

    def _take(self, pod: Json, status: Mapping[str, Any]) -> None:
        present = status.get("state", {}).get("terminated")
        ended = present or status.get("lastState", {}).get("terminated")
        if not ended or not ended.get("exitCode") or status.get("ready"):
            return
        name = str(status.get("name", ""))
        run = pod["metadata"]["uid"], name, int(status.get("restartCount", 0)) + (1 if present else 0)
        if run not in self._read:
            try:
                self._read[run] = container_log(self._connection, pod, name, previous=not present, lines=_LINES)
            except ClusterUnavailableError:
                return  # the API is away, or the node is slow: the next look reads it
            except ClusterError:
                # The pod may be gone. The diagnosis then rests on the status, which says that it failed.
                self._read[run] = ()
        self._last[name_of(pod), name] = self._read[run]
