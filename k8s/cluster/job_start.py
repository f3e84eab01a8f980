"""Brings a Job into being: adopts an equal one that runs, clears away any other of the same name, creates it anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from k8s.cluster.awaiting import await_state, only
from k8s.cluster.connection import Connection
from k8s.cluster.observation import finished
from k8s.cluster.watching import Source
from k8s.diagnosis import Category, Diagnosis
from k8s.errors import ConflictError, JobDeadlineError, ResourceNotFoundError
from k8s.manifests.stamp import stamp_of, stamped

FIELD_MANAGER = "slipway"
_RACES = 3

Json = dict[str, Any]
Apply = Callable[[Json], object]
Listener = Callable[[str], None]


def start_or_adopt(
    connection: Connection,
    manifest: Json,
    *,
    attachments: Sequence[Json],
    apply: Apply,
    deadline: float,
    on_event: Listener,
) -> tuple[Json, bool]:
    """Return the running Job that answers a manifest, and whether it was there already.

    Args:
        connection: the API.
        manifest: the Job.
        attachments: manifests that are applied before the Job is created, then owned by it and so go away with it.
        apply: how to apply one.
        deadline: until when (monotonic seconds) an old Job may take to go away.
        on_event: told what happens.

    Raises:
        ConflictError: others create and delete Jobs of this name all the time.
        JobDeadlineError: an old Job does not go away.
    """
    wanted = stamped(manifest)
    for attempt in range(_RACES):
        existing = _existing(connection, wanted)
        if existing is not None:
            if _is_adoptable(existing, wanted):
                on_event(f"adopted the running Job {_name(wanted)} of an earlier attempt")
                return existing, True
            on_event(
                f"removing the earlier Job {_name(wanted)}: {finished(existing) or 'it was asked for something else'}"
            )
            _remove_and_wait(connection, existing, deadline=deadline)
        for attachment in attachments:
            apply(attachment)
        try:
            job = connection.request("POST", jobs_path(wanted), query={"fieldManager": FIELD_MANAGER}, body=wanted)
        except ConflictError:
            if attempt == _RACES - 1:
                raise
            continue  # somebody else was faster: look at what they created
        for attachment in attachments:
            apply(_owned(attachment, job))
        on_event(f"created the Job {_name(wanted)}")
        return job, False
    raise AssertionError  # the last attempt returns or raises


def jobs_path(manifest: Json) -> str:
    """Return the path of all Jobs in a Job's namespace."""
    return f"/apis/batch/v1/namespaces/{manifest['metadata']['namespace']}/jobs"


def remove(connection: Connection, job: Json, *, propagation: str = "Background") -> None:
    """Delete exactly this Job, with its pods and attachments; one that is gone or was replaced is no error."""
    body = {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "propagationPolicy": propagation,
        "preconditions": {"uid": job["metadata"]["uid"]},
    }
    try:
        connection.request("DELETE", f"{jobs_path(job)}/{_name(job)}", body=body)
    except (ResourceNotFoundError, ConflictError):
        return


def _existing(connection: Connection, manifest: Json) -> Json | None:
    try:
        job: Json = connection.request("GET", f"{jobs_path(manifest)}/{_name(manifest)}")
    except ResourceNotFoundError:
        return None
    return job


def _is_adoptable(existing: Json, wanted: Json) -> bool:
    return (
        stamp_of(existing) == stamp_of(wanted)
        and finished(existing) is None
        and "deletionTimestamp" not in existing["metadata"]
    )


def _remove_and_wait(connection: Connection, job: Json, *, deadline: float) -> None:
    # In the foreground: the pods go first, so that two builds never push to one place.
    remove(connection, job, propagation="Foreground")
    uid = job["metadata"]["uid"]
    gone = await_state(
        connection,
        Source("job", jobs_path(job), only(_name(job))),
        until=lambda jobs: all(each["metadata"]["uid"] != uid for each in jobs),
        deadline=deadline,
    )
    if not gone:
        raise JobDeadlineError(job=_name(job), namespace=job["metadata"]["namespace"], diagnosis=_STUCK)


def _owned(attachment: Json, job: Json) -> Json:
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": _name(job), "uid": job["metadata"]["uid"]}
    return {**attachment, "metadata": {**attachment["metadata"], "ownerReferences": [owner]}}


def _name(job: Json) -> str:
    name: str = job["metadata"]["name"]
    return name


_STUCK = Diagnosis(
    category=Category.DEADLINE_EXCEEDED,
    transient=False,
    sentence="the earlier Job of this name does not go away",
    next_action="See what holds it: kubectl get job -o yaml, under metadata.finalizers",
)
