"""`test`: measure a served model, compare it with its own past, and publish the verdict with all evidence."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from prefect import flow
from prefect.client.schemas.objects import State, StateType
from pydantic import Field

from blocks.errors import BlockError
from blocks.loading import load_hub, load_registry, load_store
from blocks.object_store import ObjectStore
from blocks.served_model import ServedModel
from deployments import catalog
from deployments.catalog import ModelKey
from deployments.spec import ModelSpec
from flows.check_model.progress import shown_progress
from flows.check_model.record import CheckRecord, Subject
from flows.check_model.tasks import (
    collect,
    discover,
    find_baseline,
    find_run,
    judge,
    keep_problem,
    probe_service,
    publish,
    run_tool,
    tell_registry,
)
from flows.check_model.tools import benchmark_runs, evaluation_run
from k8s.errors import ClusterError

Questions = Annotated[
    Literal["regression", "full"],
    Field(description="How many questions of each task: the nightly number, or the full one."),
]
Url = Annotated[str | None, Field(description="Where to ask the service, if not where the cluster says.")]
FromRun = Annotated[
    UUID | None, Field(description="Measure nothing: judge and publish again what this earlier flow run measured.")
]


@flow(name="test", flow_run_name="test-{model}")
def check_model(
    model: ModelKey, questions: Questions = "regression", url: Url = None, from_run: FromRun = None
) -> State[None]:
    """Test a deployed model with lm-eval and GuideLLM; the run ends in the verdict's state, after it has published."""
    spec = catalog.load(model)
    store, registry = load_store(), load_registry()
    baseline = find_baseline(spec, store=store, registry=registry)
    if from_run is None:
        limit = spec.evaluation.regression_limit if questions == "regression" else spec.evaluation.full_limit
        subject = discover(spec, limit=limit, url=url, store=store, registry=registry)
        probe_service(subject)
        measure(spec, subject=subject, store=store)
    else:
        subject = find_run(spec, run=str(from_run), store=store)
    measurement = collect(spec, subject=subject, store=store)
    record = judge(spec, subject=subject, measurement=measurement, baseline=baseline, store=store)
    uri = publish(record, baseline=baseline, store=store)
    tell_registry(record, spec=spec, uri=uri, registry=registry)
    return ending(record)


def measure(spec: ModelSpec, *, subject: Subject, store: ObjectStore) -> None:
    """Run the tools one after the other: two at once would measure each other. One that fails stops no other."""
    hub, served = load_hub().endpoint, ServedModel(subject.url)
    evaluation = evaluation_run(spec, url=subject.url, limit=subject.limit)
    tools = (evaluation, *benchmark_runs(spec, url=subject.url, run=subject.run))
    with shown_progress(model=spec.key, tools=tools, served=served) as progress:
        for tool in tools:
            try:
                run_tool(tool, spec=spec, subject=subject, store=store, hub=hub, progress=progress)
            except (BlockError, ClusterError) as error:
                keep_problem(tool, subject=subject, store=store, problem=str(error))


def ending(record: CheckRecord) -> State[None]:
    """The state that a run ends in; see docs/gates.md."""
    verdict = record.judgement.verdict
    return State(type=StateType(verdict.state), name=verdict.state_name, message=record.judgement.sentence)
