"""The test's tasks: each names, logs and calls; what decides or talks is in a neighbour or an adapter."""

from __future__ import annotations

import base64

from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.logging import get_run_logger

from blocks.errors import BlockError
from blocks.object_store import ObjectStore
from blocks.registry import ModelRegistry
from blocks.served_model import ServedModel
from deployments.settings import settings
from deployments.spec import ModelSpec
from flows.check_model import archive, collecting, probe, publishing
from flows.check_model.discovery import discover as find_subject
from flows.check_model.errors import RegistryUntoldError
from flows.check_model.gate import judge as judge_measurement
from flows.check_model.measurement import Measurement
from flows.check_model.measuring import run_tool as run_job
from flows.check_model.plots import draw
from flows.check_model.progress import Progress
from flows.check_model.properties import result_properties
from flows.check_model.record import CheckRecord, Subject
from flows.check_model.report import gate_rows, markdown
from flows.check_model.tools import ToolRun
from flows.cosmetic import cosmetic
from flows.policies import effect
from flows.runs import this_run
from k8s.cluster import connect


@effect("discover")
def discover(
    spec: ModelSpec, *, limit: int | None, url: str | None, store: ObjectStore, registry: ModelRegistry
) -> Subject:
    """Find the service, prove that it serves the registered bytes, and write down what is about to be tested."""
    subject = find_subject(
        spec, run=this_run(), limit=limit, url=url, store=store.client(), registry=registry.client(),
        cluster=connect(), environment=settings(),
    )  # fmt: skip
    publishing.keep_subject(store.client(), subject)
    get_run_logger().info("%s at %s serves manifest %s", subject.service, subject.url,
                          subject.treatment.manifest_sha256[:12])  # fmt: skip
    return subject


@effect("find-run")
def find_run(spec: ModelSpec, *, run: str, store: ObjectStore) -> Subject:
    """Find what an earlier run tested, to publish it again."""
    return archive.read_subject(store.client(), registered_model=spec.registered_model, version=spec.version, run=run)


@effect("find-baseline")
def find_baseline(spec: ModelSpec, *, store: ObjectStore, registry: ModelRegistry) -> CheckRecord | None:
    """Read the run that this one is compared with, before anything is measured."""
    version = registry.client().find_version(spec.registered_model, spec.version)
    run = archive.baseline_run(version) if version else None
    get_run_logger().info("%s", f"the baseline is run {run}" if run else "there is no baseline yet")
    if run is None:
        return None
    return archive.read_record(store.client(), registered_model=spec.registered_model, version=spec.version, run=run)


@effect("probe")
def probe_service(subject: Subject) -> None:
    """Prove that the service can be measured at all."""
    served = ServedModel(subject.url)
    get_run_logger().info("%s", probe.probe(served, name=subject.service))


@effect("run-tool", run_name="{tool.name}")
def run_tool(
    tool: ToolRun, *, spec: ModelSpec, subject: Subject, store: ObjectStore, hub: str, progress: Progress
) -> None:
    """Run lm-eval or GuideLLM as a Job, alone with the service."""
    logger, environment = get_run_logger(), settings()
    probe.confirm_idle(ServedModel(subject.url))
    with progress.running(tool):
        result = run_job(
            tool, spec=spec, subject=subject, cluster=connect(), environment=environment, bucket=store.bucket,
            hub=hub, say=logger.info, on_log=lambda line: logger.debug("%s", line.rpartition("\r")[2]),
        )  # fmt: skip
    logger.info("%s ended after %.0f s", tool.title, result.seconds)


@effect("keep-problem")
def keep_problem(tool: ToolRun, *, subject: Subject, store: ObjectStore, problem: str) -> None:
    """Write down why a tool's run is missing: that is a failed gate, and the other tools go on."""
    get_run_logger().error("%s is missing: %s", tool.title, problem)
    publishing.keep_problem(store.client(), subject, tool=tool, problem=problem)


@effect("collect")
def collect(spec: ModelSpec, *, subject: Subject, store: ObjectStore) -> Measurement:
    """Read the reports, and refuse figures that are none."""
    return collecting.collect(store.client(), spec=spec, subject=subject)


@effect("judge")
def judge(
    spec: ModelSpec, *, subject: Subject, measurement: Measurement, baseline: CheckRecord | None, store: ObjectStore
) -> CheckRecord:
    """Give the verdict."""
    before = baseline.measurement if baseline and baseline.subject.run != subject.run else None
    judgement = judge_measurement(measurement, spec=spec, baseline=before, limit=subject.limit)
    get_run_logger().info("%s", judgement.sentence)
    return publishing.write_record(
        store.client(), subject=subject, measurement=measurement, judgement=judgement, published_by=this_run().id
    )


@effect("publish")
def publish(record: CheckRecord, *, baseline: CheckRecord | None, store: ObjectStore) -> str:
    """Write everything to S3, then show it in the UI."""
    pictures = draw(record, baseline=baseline.measurement if record.judgement.baseline and baseline else None)
    uri = publishing.publish(store.client(), record, pictures=pictures)
    # In the page itself, because the bucket is open to nobody without a key.
    shown = {name: f"data:image/png;base64,{base64.b64encode(content).decode()}" for name, content in pictures.items()}
    key, title = f"test-{record.subject.model}", f"test/{record.subject.model}: {record.judgement.verdict}"
    with cosmetic():
        create_table_artifact(gate_rows(record), key=f"{key}-gates", description=title)
        create_markdown_artifact(markdown(record, uri=uri, pictures=shown), key=f"{key}-report", description=title)
    get_run_logger().info("the results are at %s", uri)
    return uri


@effect("tell-registry")
def tell_registry(record: CheckRecord, *, spec: ModelSpec, uri: str, registry: ModelRegistry) -> None:
    """Merge the results into the registry's version; what others keep there stays."""
    try:
        registry.client().merge_properties(
            spec.registered_model, spec.version, result_properties(record, spec=spec, uri=uri)
        )
    except BlockError as error:
        raise RegistryUntoldError(error=error, uri=uri, model=spec.key, run=record.subject.run) from error
    get_run_logger().info("the registry has the results of %s/%s", spec.registered_model, spec.version)
