"""`verify`: prove that a model is stored and served as it was imported and recorded."""

from __future__ import annotations

from prefect import flow

from blocks.loading import load_hub, load_registry, load_store
from deployments import catalog
from deployments.catalog import ModelKey
from flows.preflight import Finding
from flows.verify_model.tasks import reconcile, rehash, report


@flow(name="verify", flow_run_name="verify-{model}")
def verify_model(model: ModelKey, *, read_bytes: bool = True) -> tuple[Finding, ...]:
    """Prove every link from the Hub's commit to the last test; one table, and a failed run if a link is broken.

    Args:
        model: the catalog key.
        read_bytes: read and hash all that the store holds; without it, sizes are compared, which takes seconds.
    """
    spec = catalog.load(model)
    hub, store, registry = load_hub(), load_store(), load_registry()
    stored = rehash(spec, store=store, read_bytes=read_bytes)
    findings = reconcile(spec, stored=stored, hub=hub, store=store, registry=registry)
    report(spec, findings=findings)
    return findings
