"""Replaces a version's baseline on purpose: no run does so by itself, or a slow decline would never be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blocks.registry_entries import RegisteredVersion
from deployments.spec import ModelSpec
from flows.check_model.archive import BASELINE_PROPERTY, baseline_run, read_record
from flows.check_model.errors import NoisyBaselineError, NotRegisteredError, UnfitBaselineError
from flows.check_model.noise import too_noisy

if TYPE_CHECKING:
    from blocks.object_store import StoreClient
    from blocks.registry import RegistryClient


def replace_baseline(
    spec: ModelSpec, *, run: str, store: StoreClient, registry: RegistryClient, accept_noise: bool = False
) -> str:
    """Make a published run the one that later ones are compared with, and tell it in one sentence.

    Args:
        spec: the model.
        run: the flow run's id.
        store: where results are.
        registry: where the version is.
        accept_noise: take it although noise would hide a regression from it; the sentence tells it then.

    Raises:
        NoResultError: the run was not published.
        RecordError: its record cannot be read.
        UnfitBaselineError: it was not measured whole, or breaks a limit.
        NoisyBaselineError: by the spec as it is now, noise would hide a regression from it, and that was not accepted.
        NotRegisteredError: the registry does not know the version.
    """
    name = f"{spec.registered_model}/{spec.version}"
    record = read_record(store, registered_model=spec.registered_model, version=spec.version, run=run)
    if not record.judgement.may_become_baseline:
        raise UnfitBaselineError(run=run, reason=record.judgement.sentence)
    noise = too_noisy(record.measurement, gates=spec.gates)
    if noise and not accept_noise:
        raise NoisyBaselineError(run=run, model=spec.key, noise=noise)
    version = registry.find_version(spec.registered_model, spec.version)
    if version is None:
        raise NotRegisteredError(name=name, model=spec.key)
    registry.merge_properties(spec.registered_model, spec.version, {BASELINE_PROPERTY: run})
    told = _told(version, name=name, run=run, verdict=str(record.judgement.verdict))
    return "; ".join((told, *noise))


def _told(version: RegisteredVersion, *, name: str, run: str, verdict: str) -> str:
    before = baseline_run(version)
    earlier = "there was none" if before is None else f"it was {before}"
    return f"the baseline of {name} is run {run}, which ended as {verdict}; {earlier}"
