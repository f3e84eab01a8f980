"""The volume of a model that is served from one: made, then filled by a Job on the node that will serve."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from deployments.settings import Settings
from deployments.spec import ModelSpec
from flows.deploy_model.errors import NoFillReportError
from flows.deploy_model.fill.filling import FillResult
from flows.deploy_model.volume_checks import place_of_fill
from k8s.cluster import Cluster, JobWatch
from k8s.manifests.fill_job import FillInputs, fill_job, fill_name
from k8s.manifests.volume import claim_of

MODULE = "flows.deploy_model.fill"


def ensure_volume(
    spec: ModelSpec,
    claim: dict[str, Any],
    *,
    cluster: Cluster,
    environment: Settings,
    bucket: str,
    manifest_sha256: str,
    keep: str | None,
    say: Callable[[str], None],
) -> FillResult:
    """Make sure that a model's volume is there and holds a version.

    A fill that an earlier run left behind is watched to its end instead of begun again.

    Args:
        spec: the model.
        claim: its PersistentVolumeClaim.
        cluster: the cluster.
        environment: namespace, flow image, group and time limit.
        bucket: the bucket of the weights.
        manifest_sha256: the version's manifest.
        keep: the folder that served last, which stays for the way back.
        say: told each event of the Job and each line of its log.

    Raises:
        VolumeHeldError: a pod holds the volume where the Job could not reach it.
        JobFailedError: the fill failed, or could not start; the error has the log's tail.
        NoFillReportError: the image's fill is not ours.
    """
    place = place_of_fill(spec, claim_of(spec), cluster=cluster, namespace=environment.namespace)
    inputs = FillInputs(
        namespace=environment.namespace,
        bucket=bucket,
        image=environment.flows_image,
        module=MODULE,
        manifest_sha256=manifest_sha256,
        timeout_seconds=environment.fill_timeout_seconds,
        fs_group=environment.volume_fs_group,
        keep=(keep,) if keep else (),
        in_use=place.in_use,
        hostname=place.hostname,
    )
    cluster.apply(claim)
    watch = JobWatch(timeout_seconds=environment.fill_timeout_seconds, on_event=say, on_log=say)
    result = cluster.run_job(fill_job(spec, inputs), watch=watch)
    try:
        return FillResult.model_validate_json(result.message)
    except ValidationError as error:
        raise NoFillReportError(job=fill_name(spec, inputs), message=result.message) from error
