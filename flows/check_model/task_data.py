"""Puts the data of a model's tasks into the bucket, for clusters that do not reach the Hub."""

from __future__ import annotations

from collections.abc import Callable

from deployments.settings import Settings
from deployments.spec import ModelSpec
from flows.check_model.measuring import BRINGER, UPLOADER, authorities_wanted, data_prefix
from flows.check_model.tools import data_command, tool_environment
from k8s.cluster import Cluster, JobWatch
from k8s.manifests.evaluation_job import REPORTS, EvaluationSpec, evaluation_job


def prepare_data(
    spec: ModelSpec, *, cluster: Cluster, environment: Settings, bucket: str, hub: str, say: Callable[[str], None]
) -> str:
    """Let lm-eval itself load its tasks once, where the Hub is reached, and keep what it read; returns the URI.

    Args:
        spec: the model; models with the same tasks share the data.
        cluster: one that reaches the Hub; the bucket may be copied to another one afterwards.
        environment: namespace, images, certificate authorities and time limit.
        bucket: the bucket of weights and results.
        hub: the Hub's address.
        say: told each event of the Job and each line of its log.

    Raises:
        JobFailedError: the Hub was not reached, or a task is not known.
    """
    destination = f"s3://{bucket}/{data_prefix(spec)}"
    data = EvaluationSpec(
        name=f"task-data-{spec.key}"[:63].rstrip("-"),
        namespace=environment.namespace,
        tool_image=environment.evaluation_image,
        tool=data_command(spec),
        # The tool's reports are uploaded, so what it caches is made one.
        tool_environment={
            **tool_environment(hub=hub, own_authorities=environment.ca_bundle is not None),
            "HF_DATASETS_CACHE": REPORTS,
        },
        flows_image=environment.flows_image,
        materials_module=BRINGER,
        materials=(f"--bucket={bucket}", *authorities_wanted(environment)),
        uploader_module=UPLOADER,
        destination=destination,
        timeout_seconds=environment.evaluation_timeout_seconds,
    )
    watch = JobWatch(timeout_seconds=environment.evaluation_timeout_seconds, on_event=say, on_log=say)
    cluster.run_job(evaluation_job(spec, data), watch=watch)
    return destination
