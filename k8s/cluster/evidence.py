"""Collects what explains a failure as named text files, without secrets: objects, logs, events, GPUs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from k8s.cluster.connection import Connection
from k8s.cluster.feed import Change
from k8s.cluster.inventory import list_all, read_gpus
from k8s.cluster.logs import container_log, runs_of
from k8s.cluster.workload import Workload, sources_of
from k8s.errors import ClusterError
from k8s.evidence import events_text, gpus_text, log_text, object_text, objects_text, summary_text
from k8s.fields import container_statuses, name_of
from k8s.status import Surroundings

_LOG_LINES = 5000

Json = dict[str, Any]
_Read = TypeVar("_Read")
_Logs = dict[tuple[str, str, bool], tuple[str, ...]]


def collect_evidence(connection: Connection, thing: Json, *, path: str) -> dict[str, str]:
    """Read everything that explains how a service or Deployment is doing.

    Whatever cannot be read is named in `missing.txt` and left out: evidence is collected when things go wrong.

    Args:
        connection: the API.
        thing: the InferenceService or Deployment as the API returned it.
        path: the path of all objects of its kind in its namespace.

    Returns:
        File name to text: `summary.txt`, `<kind>.yaml`, `deployments.yaml`, `pods/<pod>.yaml`,
        `logs/<pod>/<container>[.previous].log`, `events.txt`, `gpus.txt`, `quotas.yaml`, `claims.yaml`, `missing.txt`.
        What there is nothing of has no file.
    """
    return _Collection(connection, thing, path).files()


class _Collection:
    def __init__(self, connection: Connection, thing: Json, path: str) -> None:
        self._connection = connection
        self._seen = Workload(thing)
        self._path = path
        self._namespace: str = thing["metadata"]["namespace"]
        self._missing: list[str] = []

    def files(self) -> dict[str, str]:
        thing = self._seen.thing
        for source in sources_of(thing, path=self._path):
            found = self._read(source.name, partial(list_all, self._connection, source.path, source.query))
            self._seen.take(Change(source.name, "listed", tuple(found or ())))
        thing = self._seen.thing
        logs = self._logs()
        gpus = self._read("gpus.txt", partial(read_gpus, self._connection, namespace=self._namespace))
        claims = self._collection("persistentvolumeclaims")
        surroundings = Surroundings(
            gpus=gpus, claims=claims, logs={(pod, name): lines for (pod, name, _), lines in logs.items()}
        )
        files = {
            "summary.txt": summary_text(thing, self._seen.diagnosis(surroundings)),
            f"{thing['kind'].lower()}.yaml": object_text(thing),
            "deployments.yaml": objects_text(self._seen.deployments()),
            **{f"pods/{name_of(pod)}.yaml": object_text(pod) for pod in self._seen.pods},
            **{_log_file(*run): log_text(lines) for run, lines in logs.items()},
            "events.txt": events_text(self._seen.events()),
            "gpus.txt": gpus_text(gpus),
            "quotas.yaml": objects_text(self._collection("resourcequotas")),
            "claims.yaml": objects_text(claims),
            "missing.txt": "".join(f"{line}\n" for line in self._missing),
        }
        return {name: text for name, text in files.items() if text}

    def _logs(self) -> _Logs:
        found: _Logs = {}
        for pod in self._seen.pods:
            for status in container_statuses(pod.get("status", {})):
                for previous in runs_of(status):
                    run = name_of(pod), str(status["name"]), previous
                    read = partial(container_log, self._connection, pod, run[1], previous=previous, lines=_LOG_LINES)
                    found[run] = self._read(_log_file(*run), read) or ()
        return found

    def _collection(self, plural: str) -> list[Json]:
        path = f"/api/v1/namespaces/{self._namespace}/{plural}"
        return self._read(plural, partial(list_all, self._connection, path)) or []

    def _read(self, name: str, read: Callable[[], _Read]) -> _Read | None:
        try:
            return read()
        except ClusterError as error:
            self._missing.append(f"{name}: {error.sentence}")
            return None


def _log_file(pod: str, container: str, previous: bool) -> str:
    return f"logs/{pod}/{container}{'.previous' if previous else ''}.log"
