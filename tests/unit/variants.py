"""Sides of a comparison, made of plain numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from blocks.registry_entries import Property
from deployments import catalog
from flows.check_model.gate import judge
from flows.check_model.measurement import Hardware, Measurement
from flows.compare_models.variant import Variant, variant_of
from tests.unit.measurements import LIMIT, OVERLAY, benchmarks, evaluation, measurement, score
from tests.unit.records import record, subject

MANIFEST = "a" * 64
PROPERTIES: Mapping[str, Property] = {
    "manifest_sha256": MANIFEST,
    "total_bytes": "14000000000",
    "serving_manifest_sha256": MANIFEST,
    "load_seconds": 118.0,
    "gpu_memory_weights_gib": 13.6,
    "kv_cache_tokens": "36000",
}


def measured(
    times: Sequence[float] = (5.0, 5.1, 4.9), *, wrong: Sequence[int] = (0, 1), **other: object
) -> Measurement:
    """A measurement with these times, and these questions of arc_easy answered wrong."""
    scores = evaluation(score("arc_easy", wrong=wrong), score("hellaswag"))
    return measurement(**{"evaluation": scores, "benchmarks": benchmarks(times), **other})


def variant(
    key: str = "quantized",
    found: Measurement | None = None,
    *,
    properties: Mapping[str, Property] = PROPERTIES,
    hardware: Hardware | None = None,
    replica: str | None = None,
) -> Variant:
    """A side whose test found this."""
    spec, found = catalog.load(key, overlay=OVERLAY), found or measured()
    about = subject(model=key, version=spec.version, run=f"run-{key}", replica=replica)
    if hardware is not None:
        about = about.model_copy(update={"hardware": hardware})
    made = record(
        subject=about,
        evaluation=found.evaluation,
        benchmarks=found.benchmarks,
        saturation=found.saturation,
        judgement=judge(found, spec=spec, baseline=None, limit=LIMIT),
    )
    return variant_of(spec, record=made, properties=properties)
