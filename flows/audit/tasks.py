"""The audit's tasks: each names, logs and calls; what compares is in a pure neighbour."""

from __future__ import annotations

from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.logging import get_run_logger

from blocks.object_store import ObjectStore
from blocks.registry import ModelRegistry
from deployments.settings import settings
from flows.audit.errors import DamageError
from flows.audit.reading import read_facts
from flows.audit.reconcile import reconcile as compare
from flows.audit.rows import Grade, Row, markdown, summary, table
from flows.cosmetic import cosmetic
from flows.policies import effect
from k8s.cluster import connect


@effect("reconcile")
def reconcile(*, store: ObjectStore, registry: ModelRegistry) -> tuple[Row, ...]:
    """Read the catalog, the bucket, the registry and the services, and compare them."""
    facts = read_facts(store.client(), registry=registry.client(), cluster=connect(), environment=settings())
    return compare(facts)


@effect("report")
def report(rows: tuple[Row, ...], *, store: ObjectStore) -> None:
    """Show the table and what to do, and fail if a promise is broken."""
    with cosmetic():
        create_table_artifact(table(rows), key="audit", description=f"Audit of s3://{store.bucket}")
        create_markdown_artifact(markdown(rows, bucket=store.bucket), key="audit-report", description="What to do")
    logger = get_run_logger()
    for row in rows:
        tell = logger.error if row.grade is Grade.DAMAGE else logger.info
        tell("%-8s %s: %s%s", row.grade.value, row.subject, row.said, f". Next: {row.then}" if row.then else "")
    logger.info("%s", summary(rows))
    damage = [row for row in rows if row.grade is Grade.DAMAGE]
    if damage:
        raise DamageError(damage=damage)
