"""`verify`: prove that a model is served as it was imported and recorded."""

from __future__ import annotations

from prefect import flow

from blocks.loading import load_registry, load_store
from deployments import catalog
from deployments.catalog import ModelKey
from flows.preflight import Finding
from flows.verify_model.tasks import reconcile, report


@flow(name="verify", flow_run_name="verify-{model}")
def verify_model(model: ModelKey) -> tuple[Finding, ...]:
    """Compare manifest, registry, service, endpoint and completion; one table, and a failed run if a link is broken."""
    spec = catalog.load(model)
    findings = reconcile(spec, store=load_store(), registry=load_registry())
    report(spec, findings=findings)
    return findings
