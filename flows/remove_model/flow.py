"""`remove`: take a model's service down and free its GPUs; its volume and its weights stay."""

from __future__ import annotations

from prefect import flow

from blocks.loading import load_registry, load_store
from deployments import catalog
from deployments.catalog import ModelKey
from flows.deploy_model.leasing import service_lease
from flows.remove_model.removal import Removal
from flows.remove_model.tasks import record_removal, take_down


@flow(name="remove", flow_run_name="remove-{model}")
def remove_model(model: ModelKey) -> Removal:
    """Take a model's service down, wait until its GPUs are free, and say what that freed."""
    spec = catalog.load(model)
    store, registry = load_store(), load_registry()
    with service_lease(spec, store=store) as claim:
        removal = take_down(spec, store=store, claim=claim)
    record_removal(spec, removal=removal, registry=registry)
    return removal
