"""Runs one tool as a Job, beside the container that brings its reports to S3."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from blocks.served_model import bearer_token
from deployments.settings import Settings
from deployments.spec import ModelSpec
from flows.check_model.archive import run_prefix
from flows.check_model.record import Subject
from flows.check_model.tools import ToolRun, tool_environment
from k8s.cluster import Cluster, JobResult, JobWatch
from k8s.manifests.evaluation_job import EvaluationSpec, evaluation_job

TASK_DATA = "test-data/"
"""The prefix of the bucket that holds the data of tasks, for clusters that do not reach the Hub."""
UPLOADER = "flows.check_model.inside.upload"
BRINGER = "flows.check_model.inside.materials"
PROBLEM = "problem.txt"
"""Stands beside a tool's reports where the tool failed: why."""

_NAME_LENGTH = 63
_SHORT = 8
_START_SECONDS = 900
"""For a node, two image pulls and the tool's start."""


def run_tool(
    tool: ToolRun,
    *,
    spec: ModelSpec,
    subject: Subject,
    cluster: Cluster,
    environment: Settings,
    bucket: str,
    hub: str,
    say: Callable[[str], None],
    on_log: Callable[[str], None],
) -> JobResult:
    """Run a tool to its end; its reports are in the bucket then, whatever they are worth.

    Args:
        tool: what to run.
        spec: the model.
        subject: the test that it belongs to.
        cluster: where Jobs run.
        environment: namespace, images, certificate authorities and time limit.
        bucket: the bucket of weights and results.
        hub: the Hub's address, for the tasks' data.
        say: told each event of the Job.
        on_log: told each line of the tool's log.

    Raises:
        JobFailedError: the tool failed, or its materials or its reports could not be moved; has the log's tail.
        JobDeadlineError: it was not done in time.
        SettingsError: nothing says which image has the tools.
    """
    from_store = environment.task_data == "store"
    prefix = run_prefix(subject.registered_model, subject.version, run=subject.run)
    timeout = _timeout(tool, environment=environment)
    evaluation = EvaluationSpec(
        name=job_name(tool, model=spec.key, run=subject.run),
        namespace=environment.namespace,
        tool_image=environment.evaluation_image,
        tool=tool.command,
        tool_environment=tool_environment(
            hub=None if from_store else hub, own_authorities=environment.ca_bundle is not None
        ),
        token_variable=tool.token_variable if bearer_token(subject.url) else None,
        flows_image=environment.flows_image,
        materials_module=BRINGER,
        materials=(
            f"--bucket={bucket}",
            f"--tokenizer={spec.prefix}",
            f"--manifest-sha256={subject.treatment.manifest_sha256}",
            *((f"--task-data={data_prefix(spec)}",) if from_store else ()),
            *authorities_wanted(environment),
        ),
        uploader_module=UPLOADER,
        destination=f"s3://{bucket}/{prefix}{tool.name}/",
        timeout_seconds=timeout,
    )
    return cluster.run_job(
        evaluation_job(spec, evaluation), watch=JobWatch(timeout_seconds=timeout, on_event=say, on_log=on_log)
    )


def authorities_wanted(environment: Settings) -> tuple[str, ...]:
    """What asks the bringer for the certificate authorities, where there are any besides the public ones."""
    return ("--authorities",) if environment.ca_bundle else ()


def data_prefix(spec: ModelSpec) -> str:
    """Where the bucket holds the data of a model's tasks; models with the same tasks share it."""
    return f"{TASK_DATA}{'+'.join(sorted(spec.evaluation.tasks))}/"


def job_name(tool: ToolRun, *, model: str, run: str) -> str:
    """The Job's name: a test that is repeated finds its own Jobs, and no other's."""
    kind, mark = tool.name.replace("/", "-"), hashlib.sha256(run.encode()).hexdigest()[:_SHORT]
    return f"{kind}-{model[: _NAME_LENGTH - len(kind) - len(mark) - 2].rstrip('-')}-{mark}"


def _timeout(tool: ToolRun, *, environment: Settings) -> int:
    if tool.seconds is None:
        return environment.evaluation_timeout_seconds
    return _START_SECONDS + 2 * int(tool.seconds)
