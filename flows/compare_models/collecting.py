"""Finds the latest published test of a model, and what the registry knows of the tested bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deployments.spec import ModelSpec
from flows.check_model.archive import latest_run, read_record
from flows.compare_models.errors import NotTestedError
from flows.compare_models.variant import Variant, variant_of

if TYPE_CHECKING:
    from blocks.object_store import StoreClient
    from blocks.registry import RegistryClient


def collect_variant(spec: ModelSpec, *, store: StoreClient, registry: RegistryClient) -> Variant:
    """Read one side of the comparison.

    Raises:
        NotTestedError: no test of the version was ever published.
        RecordError: its record is of another schema.
    """
    version = registry.find_version(spec.registered_model, spec.version)
    run = latest_run(version) if version is not None else None
    if version is None or run is None:
        raise NotTestedError(model=spec.key, name=f"{spec.registered_model}/{spec.version}")
    record = read_record(store, registered_model=spec.registered_model, version=spec.version, run=run)
    return variant_of(spec, record=record, properties=version.properties)
