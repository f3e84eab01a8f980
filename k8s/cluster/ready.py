"""Waits by watching until a service or Deployment is ready; tells how it stands, gives up where there is no hope."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from k8s.cluster.connection import Connection
from k8s.cluster.failed_logs import FailedLogs
from k8s.cluster.feed import Change, Feed
from k8s.cluster.inventory import read_inventory
from k8s.cluster.logs import container_log
from k8s.cluster.outage import OUTAGE_SECONDS
from k8s.cluster.patience import Patience
from k8s.cluster.rights import Right
from k8s.cluster.watching import watching
from k8s.cluster.workload import Workload, sources_of
from k8s.diagnosis import FAILURES_ALLOWED, SERVICE_HOPELESS_AFTER, Category, Diagnosis
from k8s.errors import ClusterError, NotReadyError, ReadyDeadlineError
from k8s.status import Surroundings
from k8s.status.engine import without_usage

READY_RIGHTS = (
    *(Right(verb, "inferenceservices", "serving.kserve.io") for verb in ("get", "list", "watch")),
    *(Right(verb, "deployments", "apps") for verb in ("get", "list", "watch")),
    *(Right(verb, "pods") for verb in ("list", "watch")),
    Right("get", "pods/log"),
    *(Right(verb, "events") for verb in ("list", "watch")),
)
"""What `wait_ready` needs to be allowed in the namespace. Nodes, pods of all namespaces, quotas and claims are listed
too, to explain an unscheduled pod, and are done without where that is not allowed."""

_SETTLING_SECONDS = 15.0
_INVENTORY_SECONDS = 5.0
_ASK_ABOUT_NODES = frozenset({Category.UNSCHEDULABLE, Category.QUOTA_EXCEEDED, Category.CLAIM_PENDING})

Json = dict[str, Any]
Listener = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class ReadyWatch:
    """How to wait for one service or Deployment.

    Attributes:
        timeout_seconds: when to give up, from the call on.
        tail_lines: how many lines of the log errors carry.
        outage_seconds: how long the API may be away in one piece.
        settling_seconds: how long pods that are older than the last change are not held against it.
        hopeless_after: seconds per category after which it is given up.
        failures_allowed: failed runs of a container after which it is given up.
        on_progress: told in one line how it stands, whenever that changes.
        on_event: told each event about it and its pods, one sentence each.
    """

    timeout_seconds: float
    tail_lines: int = 40
    outage_seconds: float = OUTAGE_SECONDS
    settling_seconds: float = _SETTLING_SECONDS
    hopeless_after: tuple[tuple[Category, float], ...] = tuple(SERVICE_HOPELESS_AFTER.items())
    failures_allowed: int = FAILURES_ALLOWED
    on_progress: Listener = lambda _: None
    on_event: Listener = lambda _: None


@dataclass(frozen=True, kw_only=True)
class ReadyResult:
    """What is ready.

    Attributes:
        thing: the object as the API returned it last, with its status.
        pods: its ready pods.
        seconds: from the call to readiness, by our clock.
    """

    thing: Json
    pods: tuple[Json, ...]
    seconds: float


def wait_ready(connection: Connection, thing: Json, *, path: str, watch: ReadyWatch) -> ReadyResult:
    """Wait until an InferenceService or Deployment serves what it asks for now.

    Args:
        connection: the API.
        thing: the object as the API returned it.
        path: the path of all objects of its kind in its namespace.
        watch: deadline, listeners and patience.

    Raises:
        NotReadyError: it failed, or was deleted, and waiting longer does not help.
        ReadyDeadlineError: it was not ready in time.
        ClusterError: the API refused, or was away for too long.
    """
    with watching(connection, *sources_of(thing, path=path), outage_seconds=watch.outage_seconds) as feed:
        return _Wait(connection, Workload(thing), feed, watch).until_ready()


class _Wait:
    def __init__(self, connection: Connection, seen: Workload, feed: Feed, watch: ReadyWatch) -> None:
        self._connection, self._seen, self._feed, self._watch = connection, seen, feed, watch
        self._started = time.monotonic()
        self._logs = FailedLogs(connection)
        self._surroundings = Surroundings()
        self._asked = float("-inf")
        self._said = ""
        self._patience = Patience(
            dict(watch.hopeless_after),
            deadline=self._started + watch.timeout_seconds,
            failures_allowed=watch.failures_allowed,
        )

    def until_ready(self) -> ReadyResult:
        while True:
            diagnosis = self._diagnosis()
            if self._seen.is_known and diagnosis.category is Category.READY:
                return self._result()
            self._give_up_if_due(diagnosis)
            self._take(self._next_look() - time.monotonic())

    def _diagnosis(self) -> Diagnosis:
        if not self._seen.is_known and not self._seen.is_gone:
            return _UNSEEN
        settled = time.monotonic() >= self._settled_at
        pods = [pod for pod in self._seen.pods if settled or not self._seen.outdated(pod)]
        known = Surroundings(gpus=self._surroundings.gpus, claims=self._surroundings.claims, logs=self._logs.of(pods))
        diagnosis = self._seen.diagnosis(known, with_outdated=settled)
        if diagnosis.category not in _ASK_ABOUT_NODES or time.monotonic() - self._asked < _INVENTORY_SECONDS:
            return diagnosis
        self._asked = time.monotonic()
        self._surroundings = read_inventory(self._connection, namespace=self._seen.thing["metadata"]["namespace"])
        return self._diagnosis()

    @property
    def _settled_at(self) -> float:
        # Right after a change, the pods of the state before are still there: their failure is not the change's.
        return self._started + self._watch.settling_seconds

    def _next_look(self) -> float:
        now = time.monotonic()
        return min(self._patience.due, self._settled_at if now < self._settled_at else float("inf"))

    def _take(self, seconds: float) -> None:
        news = self._feed.next(seconds=seconds)
        while isinstance(news, Change):
            self._seen.take(news)
            # What has come meanwhile is looked at together: a list of a hundred events is one change.
            news = self._feed.next(seconds=0)
        for sentence in self._seen.unread_events():
            self._watch.on_event(sentence)

    def _give_up_if_due(self, diagnosis: Diagnosis) -> None:
        if diagnosis.sentence != self._said:
            self._said = diagnosis.sentence
            self._watch.on_progress(diagnosis.sentence)
        self._patience.consider(diagnosis)
        if not self._patience.is_over and diagnosis.category is not Category.DELETED:
            return
        error = ReadyDeadlineError if self._patience.is_late else NotReadyError
        metadata = self._seen.thing["metadata"]
        raise error(
            kind=self._seen.thing["kind"],
            name=metadata["name"],
            namespace=metadata["namespace"],
            diagnosis=diagnosis,
            log_tail=self._tail(),
        )

    def _tail(self) -> tuple[str, ...]:
        """Return the end of the log that explains why it is not ready: a failed run's, else a running container's."""
        failed = next((lines for lines in reversed(self._logs.of(()).values()) if lines), None)
        if failed is not None:
            return without_usage(failed)[-self._watch.tail_lines :]
        for pod in self._seen.pods:
            for status in pod.get("status", {}).get("containerStatuses", ()):
                if "running" in status.get("state", {}) and not status.get("ready"):
                    try:
                        return container_log(self._connection, pod, status["name"], lines=self._watch.tail_lines)
                    except ClusterError as error:
                        return (f"(its log cannot be read: {error.sentence})",)
        return ()

    def _result(self) -> ReadyResult:
        self._watch.on_progress(self._seen.diagnosis(self._surroundings).sentence)
        return ReadyResult(
            thing=self._seen.thing,
            pods=tuple(self._seen.serving_pods),
            seconds=time.monotonic() - self._started,
        )


_UNSEEN = Diagnosis(
    category=Category.PENDING,
    transient=True,
    sentence="the API has not answered yet",
    next_action="Check it: kubectl get --raw /readyz",
)
