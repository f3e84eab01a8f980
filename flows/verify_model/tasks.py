"""The verification's tasks: each names, logs and calls; what compares is in a pure neighbour."""

from __future__ import annotations

from functools import partial

from prefect.artifacts import create_table_artifact
from prefect.logging import get_run_logger

from blocks.hub import ModelHub
from blocks.object_store import ObjectStore
from blocks.registry import ModelRegistry
from deployments.settings import settings
from deployments.spec import ModelSpec
from flows.cosmetic import cosmetic
from flows.import_model.reporting import shown_progress
from flows.policies import effect
from flows.preflight import Finding, table
from flows.runs import this_run
from flows.verify_model.chain import verify_chain
from flows.verify_model.errors import BrokenChainError
from flows.verify_model.facts import Answer, ask, read_facts
from flows.verify_model.proving import look, prove
from flows.verify_model.rehash import StoredVersion


@effect("rehash")
def rehash(spec: ModelSpec, *, store: ObjectStore, read_bytes: bool) -> Answer[StoredVersion]:
    """Read all that the store holds of the version, or only list it; a store that is away is a fact too."""
    if not read_bytes:
        return ask(lambda: look(store.client(), prefix=spec.prefix))
    bar = partial(shown_progress, "rehash", model=spec.key, done=0)
    return ask(lambda: prove(store.client(), prefix=spec.prefix, run=this_run().id, bar=lambda total: bar(total=total)))


@effect("reconcile")
def reconcile(
    spec: ModelSpec, *, stored: Answer[StoredVersion], hub: ModelHub, store: ObjectStore, registry: ModelRegistry
) -> tuple[Finding, ...]:
    """Ask the Hub, the store, the registry, the cluster and the service, and compare what they say."""
    facts = read_facts(spec, stored=stored, hub=hub, store=store, registry=registry, environment=settings())
    return verify_chain(spec, facts, bucket=store.bucket)


@effect("report")
def report(spec: ModelSpec, *, findings: tuple[Finding, ...]) -> None:
    """Show the table, and fail if a link does not hold."""
    with cosmetic():
        create_table_artifact(table(findings), key=f"verify-{spec.key}", description=f"The chain of {spec.key}")
    for finding in findings:
        (get_run_logger().info if finding.ok else get_run_logger().error)("%s: %s", finding.name, finding.detail)
    problems = [f"[{finding.name}] {finding.detail}" for finding in findings if not finding.ok]
    if problems:
        raise BrokenChainError(model=spec.key, problems=problems)
