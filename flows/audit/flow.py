"""`audit`: reconcile catalog, registry, store and live services; fail on damage, report what is left over."""

from __future__ import annotations

from prefect import flow

from blocks.loading import load_registry, load_store
from flows.audit.rows import Row
from flows.audit.tasks import reconcile, report


@flow(name="audit", flow_run_name="audit-all")
def audit() -> tuple[Row, ...]:
    """Compare all that was promised with all that is there; one table, and a failed run if a promise is broken."""
    store, registry = load_store(), load_registry()
    rows = reconcile(store=store, registry=registry)
    report(rows, store=store)
    return rows
