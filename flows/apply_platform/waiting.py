"""Waits for everything that was applied, side by side, and explains what does not become ready."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from flows.apply_platform.changes import compare_job
from flows.apply_platform.errors import NotAvailableError, NotBoundError, PlatformError
from flows.apply_platform.objects import label
from flows.preflight import Finding
from k8s.cluster import JobWatch, ReadyWatch
from k8s.cluster.administration import Administrator
from k8s.errors import ClusterError

_WAITED_FOR = frozenset({"Deployment", "Job", "PersistentVolumeClaim", "ModelRegistry"})

Say = Callable[[str], None]
Object = dict[str, Any]


def wait_for_all(cluster: Administrator, objects: Sequence[Object], *, seconds: float, say: Say) -> tuple[Finding, ...]:
    """Wait until every object that can become ready is.

    Claims come last: on most clusters a claim gets its volume with its first pod.

    Args:
        cluster: where.
        objects: the platform's objects.
        seconds: for each of them, from now on.
        say: told how they stand, whenever that changes.

    Returns:
        A finding each; a problem's detail says why it is not ready and what to do.
    """
    waited = [each for each in objects if each["kind"] in _WAITED_FOR]
    waited.sort(key=lambda each: each["kind"] == "PersistentVolumeClaim")
    with ThreadPoolExecutor(max(len(waited), 1), thread_name_prefix="wait") as pool:
        return tuple(pool.map(partial(_wait_for, cluster, seconds=seconds, say=say), waited))


def _wait_for(cluster: Administrator, thing: Object, *, seconds: float, say: Say) -> Finding:
    name = label(thing)
    waits = {"Deployment": _rolled_out, "Job": _succeeded, "PersistentVolumeClaim": _bound}
    try:
        detail = waits.get(thing["kind"], _available)(cluster, thing, seconds, lambda text: say(f"{name}: {text}"))
    except (ClusterError, PlatformError) as error:
        return Finding(name, ok=False, detail=error.sentence, transient=error.transient)
    return Finding(name, ok=True, detail=detail)


def _rolled_out(cluster: Administrator, thing: Object, seconds: float, say: Say) -> str:
    metadata = thing["metadata"]
    watch = ReadyWatch(timeout_seconds=seconds, on_progress=say)
    result = cluster.wait_ready("Deployment", metadata["name"], namespace=metadata["namespace"], watch=watch)
    return f"ready after {result.seconds:.0f} s"


def _succeeded(cluster: Administrator, thing: Object, seconds: float, say: Say) -> str:
    metadata = thing["metadata"]
    before = cluster.get("batch/v1", "Job", metadata["name"], namespace=metadata["namespace"])
    if compare_job(thing, before=before).action == "keep":
        return "has succeeded"
    result = cluster.run_job(thing, watch=JobWatch(timeout_seconds=seconds, keep=True, on_event=say))
    return f"succeeded after {result.seconds:.0f} s"


def _bound(cluster: Administrator, thing: Object, seconds: float, _: Say) -> str:
    if not cluster.await_phase(thing, "Bound", timeout_seconds=seconds):
        raise NotBoundError(claim=thing["metadata"]["name"], namespace=thing["metadata"]["namespace"], seconds=seconds)
    return "bound"


def _available(cluster: Administrator, thing: Object, seconds: float, _: Say) -> str:
    if not cluster.await_condition(thing, "Available", timeout_seconds=seconds):
        raise NotAvailableError(thing=label(thing), seconds=seconds)
    return "available"


def problems_of(findings: Sequence[Finding]) -> list[str]:
    """Return what went wrong, one sentence each."""
    return [
        finding.detail if finding.detail.startswith(finding.name) else f"{finding.name}: {finding.detail}"
        for finding in findings
        if not finding.ok
    ]
