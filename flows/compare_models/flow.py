"""`compare`: two variants of a model side by side, and which of them the numbers speak for."""

from __future__ import annotations

from prefect import flow

from blocks.loading import load_registry, load_store
from deployments import catalog
from deployments.catalog import ModelKey
from flows.compare_models.comparison import Comparison, compare
from flows.compare_models.errors import SameModelError
from flows.compare_models.tasks import collect, publish


@flow(name="compare", flow_run_name="compare-{candidate}-vs-{reference}")
def compare_models(candidate: ModelKey, reference: ModelKey) -> Comparison:
    """Compare the candidate's latest test with the reference's: accuracy, speed, key metrics and price."""
    if candidate == reference:
        raise SameModelError(model=candidate)
    store, registry = load_store(), load_registry()
    comparison = compare(
        candidate=collect(catalog.load(candidate), store=store, registry=registry),
        reference=collect(catalog.load(reference), store=store, registry=registry),
    )
    publish(comparison, store=store)
    return comparison
