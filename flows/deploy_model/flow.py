"""`deploy`: put a registered version onto its node, ready, answering and recorded."""

from __future__ import annotations

from prefect import flow

from blocks.errors import BlockError
from blocks.loading import load_registry, load_store
from deployments import catalog
from deployments.catalog import ModelKey
from deployments.settings import settings
from flows.deploy_model.leasing import service_lease
from flows.deploy_model.receipt import DeployReceipt
from flows.deploy_model.recovery import Touched
from flows.deploy_model.tasks import (
    apply,
    fill_volume,
    preflight,
    publish_receipt,
    read_engine,
    read_history,
    record,
    recover,
    smoke_test,
    take_stock,
    wait_ready,
)
from flows.deploy_model.wanted import wanted_objects
from flows.deploy_model.writing import write_receipt
from k8s.errors import ClusterError


@flow(name="deploy", flow_run_name="deploy-{model}")
def deploy_model(model: ModelKey) -> DeployReceipt:
    """Deploy what an import registered; if it does not serve, explain why and bring back what served before."""
    spec = catalog.load(model)
    store, registry = load_store(), load_registry()
    release = preflight(spec, store=store, registry=registry)
    wanted = wanted_objects(spec, release, environment=settings(), bucket=store.bucket)
    with service_lease(spec, store=store) as claim:
        served = read_history(spec, store=store)
        stock = take_stock(wanted)
        filled, touched = None, Touched.YES if stock.is_deployed else Touched.NO
        try:
            if not stock.is_deployed:
                filled = fill_volume(spec, wanted=wanted, release=release, served=served, store=store)
                touched = Touched.MAYBE
                apply(wanted, stock=stock, claim=claim)
                touched = Touched.YES
            serving = wait_ready(spec)
            smoke = smoke_test(serving, release=release)
        except (BlockError, ClusterError) as error:
            recover(
                spec, error=error, touched=touched, wanted=wanted, stock=stock, served=served, store=store, claim=claim
            )
            raise
        memory = read_engine(serving)
        version = record(
            spec, wanted=wanted, release=release, serving=serving, memory=memory, store=store, registry=registry,
            claim=claim,
        )  # fmt: skip
    receipt = write_receipt(
        spec, release=release, serving=serving, smoke=smoke, memory=memory, filled=filled,
        changed=not stock.is_deployed, registry_url=registry.client().version_url(version),
    )  # fmt: skip
    publish_receipt(receipt, store=store)
    return receipt
