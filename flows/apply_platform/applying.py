"""Plans what to apply by asking the API for a dry run of each object, and applies what differs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from flows.apply_platform.changes import Change, compare, compare_job
from flows.apply_platform.errors import PreviewError
from flows.apply_platform.objects import label
from k8s.cluster.administration import Administrator
from k8s.cluster.job_start import FIELD_MANAGER
from k8s.errors import AdmissionError, ClusterError, ConflictError, InvalidManifestError, UnknownKindError

_AT_ONCE = 8
# The API server's words where an admission webhook does not declare that it has no side effects.
_NO_DRY_RUN = "does not support dry run"

Object = dict[str, Any]


def plan_changes(cluster: Administrator, objects: Sequence[Object], *, force: bool = False) -> tuple[Change, ...]:
    """Say what applying objects would change; nothing is changed.

    Args:
        cluster: where.
        objects: the objects as they should be.
        force: take over fields that other managers hold.

    Raises:
        PreviewError: the API refuses some of them; all are told at once.
    """
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="preview") as pool:
        planned = list(pool.map(partial(_plan, cluster, force=force), objects))
    refused = [each for each in planned if isinstance(each, str)]
    if refused:
        raise PreviewError(problems=refused)
    return tuple(each for each in planned if isinstance(each, Change))


def apply_changes(
    cluster: Administrator, changes: Iterable[Change], *, force: bool, say: Callable[[str], None]
) -> None:
    """Apply what differs, in the order in which objects need each other; Jobs are run later.

    Args:
        cluster: where.
        changes: the plan.
        force: take over fields that other managers hold.
        say: told each object after it was applied.

    Raises:
        ClusterError: the API refused, or cannot be reached.
    """
    wanted = [dict(each.manifest) for each in changes if each.action not in {"keep", "run"}]
    cluster.apply_all(wanted, force=force, on_progress=say)


def _plan(cluster: Administrator, manifest: Object, *, force: bool) -> Change | str:
    metadata = manifest["metadata"]
    try:
        before = cluster.get(
            manifest["apiVersion"], manifest["kind"], metadata["name"], namespace=metadata.get("namespace")
        )
        if manifest["kind"] == "Job":
            return compare_job(manifest, before=before)
        after = None if before is None else cluster.preview(manifest, force=force)
    except UnknownKindError:
        return Change(manifest=manifest, action="create")  # its CRD may be among the objects; else apply says so
    except InvalidManifestError as error:
        if _NO_DRY_RUN not in error.sentence:
            return f"{label(manifest)}: {error.sentence}"
        return Change(manifest=manifest, action="change", paths=("unknown, because a webhook allows no dry run",))
    except (ConflictError, AdmissionError) as error:
        return f"{label(manifest)}: {explain(error)}"
    return compare(manifest, before=before, after=after, manager=FIELD_MANAGER)


def explain(error: ClusterError) -> str:
    """Return an error's sentence; a conflict's with what to do about it."""
    if isinstance(error, ConflictError):
        return f"{error.sentence}. To take the fields over: add --force-conflicts"
    return error.sentence
