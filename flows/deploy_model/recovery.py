"""After a failed deploy: what explains it is kept, and what served last is brought back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from blocks.errors import BlockError
from flows.deploy_model.cluster_checks import SERVICE_KIND
from flows.deploy_model.history import ServedRecord
from flows.deploy_model.standing import is_same
from k8s.cluster import Cluster, ReadyWatch
from k8s.errors import ClusterError, ClusterUnavailableError

if TYPE_CHECKING:
    from blocks.object_store import StoreClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was kept of a failure: where, and the files there; or why nothing was."""

    uri: str
    files: tuple[str, ...]
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Restoration:
    """Whether what served last serves again, in one sentence."""

    restored: bool
    sentence: str


class Touched(StrEnum):
    """Whether a deploy that failed has changed its service."""

    NO = "no"
    MAYBE = "maybe"
    YES = "yes"


UNTOUCHED_EVIDENCE = Evidence(uri="", files=(), problem="the service was not touched, so it explains nothing")
UNTOUCHED = Restoration(restored=False, sentence="The service was not touched: what served before is as it was")


UNSEEN_EVIDENCE = Evidence(uri="", files=(), problem="nobody saw the service fail")


def unseen(model: str) -> Restoration:
    """Tell that a service was or may have been changed, and that nobody saw how it stands.

    To bring back what served would end a healthy service that loads: a second downtime for nothing.
    """
    return Restoration(
        restored=False,
        sentence="How the service stands is not known, so it was left as it is. Deploy again, which goes on where it "
        f"was: prefect deployment run deploy/{model} --watch",
    )


def is_unseen(error: Exception, *, touched: Touched, landed: Callable[[], bool]) -> bool:
    """Tell whether a service was or may have been changed while nobody saw how it stands.

    Args:
        error: why the deploy failed.
        touched: how far it came.
        landed: asks the cluster whether the change is there.
    """
    if touched is Touched.NO:
        return False
    if isinstance(error, ClusterUnavailableError):
        return True
    try:
        return touched is Touched.MAYBE and landed()
    except ClusterError:
        return True


def keep_evidence(store: StoreClient, *, cluster: Cluster, service: dict[str, Any], run: str) -> Evidence:
    """Collect what explains why a service does not serve, and put it into the bucket.

    A problem with it is told and not raised: the failure that it would explain is what a user must see.
    """
    name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
    prefix = f"evidence/{namespace}/{name}/{run}/"
    uri = f"s3://{store.bucket}/{prefix}"
    try:
        files = cluster.evidence(SERVICE_KIND, name, namespace=namespace)
        for path, text in files.items():
            store.put(prefix + path, text.encode(), content_type="text/plain; charset=utf-8")
    except (BlockError, ClusterError) as error:
        return Evidence(uri=uri, files=(), problem=str(error))
    return Evidence(uri=uri, files=tuple(files))


def restore(
    served: ServedRecord | None,
    *,
    failed: dict[str, Any],
    model: str,
    cluster: Cluster,
    confirm: Callable[[], None],
    timeout_seconds: float,
    say: Callable[[str], None],
) -> Restoration:
    """Apply the manifest that served last, and wait for it.

    A problem with it is told and not raised, for the same reason as in `keep_evidence`.

    Args:
        served: what served last.
        failed: the InferenceService that does not.
        model: the catalog key.
        cluster: the cluster.
        confirm: proves that the service is still ours to change.
        timeout_seconds: how long it may take.
        say: told how it stands.
    """
    name = f"{failed['metadata']['namespace']}/{failed['metadata']['name']}"
    take_down = f"To free its GPUs: prefect deployment run remove/{model} --watch"
    if served is None:
        return Restoration(
            restored=False, sentence=f"Nothing served as {name} before, so it stays as it is. {take_down}"
        )
    if is_same(served.service, failed):
        return Restoration(
            restored=False, sentence=f"What served last as {name} is this same manifest; it stays as it is. {take_down}"
        )
    previous = f"{served.version} (manifest {served.manifest_sha256[:12]}, served {served.served})"
    try:
        confirm()
        cluster.apply(served.service)
        cluster.wait_ready(
            SERVICE_KIND,
            failed["metadata"]["name"],
            namespace=failed["metadata"]["namespace"],
            watch=ReadyWatch(timeout_seconds=timeout_seconds, on_progress=say, on_event=say),
        )
    except (BlockError, ClusterError) as error:
        return Restoration(restored=False, sentence=f"{previous} could not be brought back: {error}")
    return Restoration(restored=True, sentence=f"{previous} serves again")
