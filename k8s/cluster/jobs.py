"""Runs a Job to its end by watching it: adopted or created, explained when stuck, read, and cleared away."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from k8s.cluster.awaiting import only
from k8s.cluster.connection import Connection
from k8s.cluster.feed import Feed, LogEnded, LogLine, News
from k8s.cluster.job_log import JobLog, has_ended
from k8s.cluster.job_start import Apply, Listener, jobs_path, remove, start_or_adopt
from k8s.cluster.observation import Observation
from k8s.cluster.outage import OUTAGE_SECONDS
from k8s.cluster.patience import Patience
from k8s.cluster.rights import Right
from k8s.cluster.watching import Source, watching
from k8s.diagnosis import HOPELESS_AFTER, Category, Diagnosis
from k8s.errors import ClusterError, JobDeadlineError, JobFailedError

JOB_RIGHTS = (
    *(Right(verb, "jobs", "batch") for verb in ("create", "get", "list", "watch", "delete")),
    *(Right(verb, "pods") for verb in ("list", "watch")),
    Right("get", "pods/log"),
    *(Right(verb, "events") for verb in ("list", "watch")),
    *(Right(verb, "configmaps") for verb in ("create", "patch", "delete")),
)
"""What `run_job` needs to be allowed in the Job's namespace, ConfigMaps as attachments included."""

_LAST_WORD_SECONDS = 5.0

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class JobResult:
    """What a Job that succeeded has left.

    Attributes:
        message: what its first container wrote to its termination message path.
        log_tail: the last lines of its log, oldest first.
        seconds: from the call to the Job's end, by our clock.
        adopted: True if the Job was already running when we came.
    """

    message: str
    log_tail: tuple[str, ...]
    seconds: float
    adopted: bool


@dataclass(frozen=True, kw_only=True)
class JobWatch:
    """How to watch over one Job.

    Attributes:
        timeout_seconds: when to give up, from the call on, also while the pod is pending.
        tail_lines: how many lines of the log errors and results carry.
        outage_seconds: how long the API may be away in one piece.
        hopeless_after: seconds per category after which a pod that does not start is given up.
        keep: whether a Job that succeeded stays, to be looked at until its own `ttlSecondsAfterFinished`.
        on_event: told what happens, one sentence each.
        on_log: told each line of the container's log while it runs.
    """

    timeout_seconds: float
    tail_lines: int = 40
    outage_seconds: float = OUTAGE_SECONDS
    hopeless_after: tuple[tuple[Category, float], ...] = tuple(HOPELESS_AFTER.items())
    keep: bool = False
    on_event: Listener = lambda _: None
    on_log: Listener = lambda _: None


def run_job(
    connection: Connection, manifest: Json, *, attachments: Sequence[Json], apply: Apply, watch: JobWatch
) -> JobResult:
    """Run a Job until it has succeeded.

    A Job that succeeded is deleted once it was read, and so is one that is given up; a failed one stays to be looked
    at until its own `ttlSecondsAfterFinished`, or until the next attempt replaces it. A caller that dies leaves the Job
    running, and the next call adopts it.

    Args:
        connection: the API.
        manifest: a batch/v1 Job with a namespace.
        attachments: manifests that the Job's pod needs; applied before it, and deleted with it.
        apply: how to apply an attachment.
        watch: deadline, listeners and patience.

    Raises:
        JobFailedError: it failed, or cannot start.
        JobDeadlineError: it was not done in time.
        ClusterError: the API refused, or was away for too long.
    """
    started = time.monotonic()
    deadline = started + watch.timeout_seconds
    job, adopted = start_or_adopt(
        connection, manifest, attachments=attachments, apply=apply, deadline=deadline, on_event=watch.on_event
    )
    with watching(connection, *_sources(job), outage_seconds=watch.outage_seconds) as feed:
        log = JobLog(connection, feed, lines=watch.tail_lines, on_log=watch.on_log)
        run = _Run(connection, Observation(job), feed, log, watch=watch, deadline=deadline)
        message, tail = run.to_its_end()
    return JobResult(message=message, log_tail=tail, seconds=time.monotonic() - started, adopted=adopted)


class _Run:
    def __init__(
        self, connection: Connection, seen: Observation, feed: Feed, log: JobLog, *, watch: JobWatch, deadline: float
    ) -> None:
        self._connection = connection
        self._seen = seen
        self._feed = feed
        self._log = log
        self._watch = watch
        self._patience = Patience(dict(watch.hopeless_after), deadline=deadline)

    def to_its_end(self) -> tuple[str, tuple[str, ...]]:
        """Return the termination message and the log's tail of the Job that succeeded."""
        while self._seen.finished is None:
            self._give_up_if_due()
            self._take(self._feed.next(seconds=self._patience.due - time.monotonic()))
        self._await_last_word()
        pod, tail = self._seen.pod, self._log.tail(self._seen.pod)
        if self._seen.finished == "Failed":
            raise self._failure(JobFailedError, self._seen.diagnosis, tail)
        if not self._watch.keep:
            self._clear_away()
        return _termination_message(pod), tail

    def _take(self, news: News | None) -> None:
        if isinstance(news, LogLine | LogEnded):
            self._log.take(news)
        elif news is not None:
            self._seen.take(news)
            for sentence in self._seen.unread_events():
                self._watch.on_event(sentence)
            self._log.follow(self._seen.pod)

    def _await_last_word(self) -> None:
        """Wait until the pod's end is known too: it may come after the Job's, from another watch.

        Asking the API instead is not enough: a second caller that adopted the Job may have cleared it away already.
        """
        until = time.monotonic() + _LAST_WORD_SECONDS
        while not has_ended(self._seen.pod) and (left := until - time.monotonic()) > 0:
            if self._seen.finished == "Failed" and not self._seen.had_pod:
                return  # it ended before one was made
            self._take(self._feed.next(seconds=left))

    def _give_up_if_due(self) -> None:
        if self._seen.deleted:
            raise self._failure(JobFailedError, _DELETED, self._log.tail(self._seen.pod))
        diagnosis = self._seen.diagnosis
        if self._patience.consider(diagnosis):
            self._watch.on_event(diagnosis.sentence)
        if not self._patience.is_over:
            return
        error = JobDeadlineError if self._patience.is_late else JobFailedError
        failure = self._failure(error, diagnosis, self._log.tail(self._seen.pod))
        # Left alone it could start hours later, when nobody watches over it any more.
        self._clear_away()
        raise failure

    def _clear_away(self) -> None:
        try:
            remove(self._connection, self._seen.job)
        except ClusterError as error:
            # What we know of the Job counts for more; its ttlSecondsAfterFinished clears it away too.
            self._watch.on_event(f"the Job is not cleared away: {error.sentence}")

    def _failure(self, error: type[JobFailedError], diagnosis: Diagnosis, tail: tuple[str, ...]) -> JobFailedError:
        metadata = self._seen.job["metadata"]
        return error(job=metadata["name"], namespace=metadata["namespace"], diagnosis=diagnosis, log_tail=tail)


_DELETED = Diagnosis(
    category=Category.DELETED,
    transient=True,
    sentence="somebody deleted it while it ran",
    next_action="Run it again",
)


def _sources(job: Json) -> tuple[Source, ...]:
    namespace, name = job["metadata"]["namespace"], job["metadata"]["name"]
    return (
        Source("job", jobs_path(job), only(name)),
        Source("pods", _pods_path(job), _pods_query(job)),
        Source("events", f"/api/v1/namespaces/{namespace}/events", {}),
    )


def _pods_path(job: Json) -> str:
    return f"/api/v1/namespaces/{job['metadata']['namespace']}/pods"


def _pods_query(job: Json) -> dict[str, str]:
    # Every Kubernetes sets this label; `batch.kubernetes.io/job-name` came with 1.27.
    return {"labelSelector": f"job-name={job['metadata']['name']}"}


def _termination_message(pod: Json | None) -> str:
    statuses = (pod or {}).get("status", {}).get("containerStatuses") or [{}]
    return str(statuses[0].get("state", {}).get("terminated", {}).get("message", ""))
