"""The cleanup's tasks: each names, logs and calls; what decides is in a pure neighbour."""

from __future__ import annotations

from datetime import timedelta

from prefect.artifacts import create_table_artifact
from prefect.logging import get_run_logger

from blocks.object_store import ObjectStore
from blocks.registry import ModelRegistry
from deployments.settings import settings
from flows.audit.facts import AuditFacts
from flows.audit.reading import read_facts
from flows.cleanup_storage.plan import CleanupPlan, Kept, Removal, plan_cleanup
from flows.cleanup_storage.references import references
from flows.cleanup_storage.removing import remove as carry_out
from flows.cleanup_storage.report import rows, sentence
from flows.cosmetic import cosmetic
from flows.leasing import lease
from flows.policies import effect
from k8s.cluster import connect


@effect("take-stock")
def take_stock(*, store: ObjectStore, registry: ModelRegistry) -> AuditFacts:
    """Read the bucket, and everybody who may refer to what is in it."""
    return read_facts(store.client(), registry=registry.client(), cluster=connect(), environment=settings())


@effect("plan")
def plan(facts: AuditFacts, *, older_than: timedelta) -> CleanupPlan:
    """Say what may go, and what is left alone."""
    return plan_cleanup(facts.inventory, referrers=references(facts), older_than=older_than)


@effect("remove", run_name="remove-{removal.subject}")
def remove(removal: Removal, *, facts: AuditFacts, store: ObjectStore, older_than: timedelta) -> Removal | Kept:
    """Remove one part of the plan under its lease, after a second look."""
    return carry_out(
        store.client(), removal, hold=lambda key: lease(key, store=store), referrers=references(facts),
        older_than=older_than,
    )  # fmt: skip


@effect("report")
def report(done: tuple[Removal | Kept, ...], *, applied: bool, hours: float) -> str:
    """Show the table, and say what was or would be removed."""
    lines = rows(done, applied=applied)
    with cosmetic():
        create_table_artifact(lines, key="cleanup", description="What a cleanup removes and keeps")
    for line in lines:
        get_run_logger().info("%(what)s: %(state)s: %(why)s", line)
    told = sentence(done, applied=applied, hours=hours)
    get_run_logger().info("%s", told)
    return told
