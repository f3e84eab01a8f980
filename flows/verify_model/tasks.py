"""The verification's tasks: each names, logs and calls; what compares is in a pure neighbour."""

from __future__ import annotations

from prefect.artifacts import create_table_artifact
from prefect.logging import get_run_logger

from blocks.object_store import ObjectStore
from blocks.registry import ModelRegistry
from deployments.settings import settings
from deployments.spec import ModelSpec
from flows.policies import effect
from flows.preflight import Finding, table
from flows.verify_model.chain import verify_chain
from flows.verify_model.errors import BrokenChainError
from flows.verify_model.facts import read_facts


@effect("reconcile")
def reconcile(spec: ModelSpec, *, store: ObjectStore, registry: ModelRegistry) -> tuple[Finding, ...]:
    """Ask the store, the registry, the cluster and the service, and compare what they say."""
    facts = read_facts(spec, store=store, registry=registry, environment=settings())
    return verify_chain(spec, facts, bucket=store.bucket)


@effect("report")
def report(spec: ModelSpec, *, findings: tuple[Finding, ...]) -> None:
    """Show the table, and fail if a link does not hold."""
    create_table_artifact(table(findings), key=f"verify-{spec.key}", description=f"The chain of {spec.key}")
    for finding in findings:
        (get_run_logger().info if finding.ok else get_run_logger().error)("%s: %s", finding.name, finding.detail)
    problems = [f"[{finding.name}] {finding.detail}" for finding in findings if not finding.ok]
    if problems:
        raise BrokenChainError(model=spec.key, problems=problems)
