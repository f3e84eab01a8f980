"""Replaces a version's baseline on purpose: no run does so by itself, or a slow decline would never be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blocks.registry_entries import RegisteredVersion
from deployments.spec import ModelSpec
from flows.check_model.archive import BASELINE_PROPERTY, baseline_run, read_record
from flows.check_model.errors import NotRegisteredError, UnfitBaselineError

if TYPE_CHECKING:
    from blocks.object_store import StoreClient
    from blocks.registry import RegistryClient


def replace_baseline(spec: ModelSpec, *, run: str, store: StoreClient, registry: RegistryClient) -> str:
    """Make a published run the one that later ones are compared with, and tell it in one sentence.

    Args:
        spec: the model.
        run: the flow run's id.
        store: where results are.
        registry: where the version is.

    Raises:
        NoResultError: the run was not published.
        RecordError: its record cannot be read.
        UnfitBaselineError: it was not measured whole, or breaks a limit.
        NotRegisteredError: the registry does not know the version.
    """
    name = f"{spec.registered_model}/{spec.version}"
    record = read_record(store, registered_model=spec.registered_model, version=spec.version, run=run)
    if not record.judgement.may_become_baseline:
        raise UnfitBaselineError(run=run, reason=record.judgement.sentence)
    version = registry.find_version(spec.registered_model, spec.version)
    if version is None:
        raise NotRegisteredError(name=name, model=spec.key)
    registry.merge_properties(spec.registered_model, spec.version, {BASELINE_PROPERTY: run})
    return _told(version, name=name, run=run, verdict=str(record.judgement.verdict))


def _told(version: RegisteredVersion, *, name: str, run: str, verdict: str) -> str:
    before = baseline_run(version)
    earlier = "there was none" if before is None else f"it was {before}"
    return f"the baseline of {name} is run {run}, which ended as {verdict}; {earlier}"
