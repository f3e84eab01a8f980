"""The gates of a spec: what is compared must be measured, named once, and repeated often enough."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from deployments.catalog import load
from deployments.spec import ModelSpec
from tests.unit.measurements import OVERLAY

KEYS = ("full", "quantized", "smollm2")


def changed(section: str, values: dict[str, Any]) -> ModelSpec:
    """The quantized replica's spec after a change of one section."""
    content = load("quantized", overlay=OVERLAY).model_dump()
    content[section] |= values
    return ModelSpec.model_validate(content)


@pytest.mark.parametrize(
    ("section", "values", "problem"),
    [
        ("benchmark", {"repeats": 2}, "greater than or equal to 3"),
        ("gates", {"primaries": []}, "at least 1 item"),
        (
            "gates",
            {"primaries": [{"metric": "itl_ms", "concurrency": 2, "margin": 0.1}]},
            "concurrency 2 is not measured",
        ),
        ("gates", {"primaries": [{"metric": "accuracy", "task": "mmlu", "margin": 0.1}]}, "mmlu is no evaluation task"),
        ("gates", {"primaries": [{"metric": "accuracy", "task": "arc_easy", "margin": 0}]}, "greater than 0"),
        ("gates", {"primaries": [{"metric": "speed", "concurrency": 4, "margin": 0.1}]}, "does not match any"),
        ("gates", {"primaries": [{"metric": "itl_ms", "concurrency": 4, "margin": 0.1}] * 2}, "is there twice"),
        ("gates", {"significance": 0}, "greater than 0"),
        ("gates", {"achieved_load": 0}, "greater than 0"),
    ],
)
def test_a_gate_that_cannot_work_is_refused(section: str, values: dict[str, Any], problem: str) -> None:
    """A gate on something that is never measured would fail, or pass, every night."""
    with pytest.raises(ValidationError, match=problem):
        changed(section, values)


@pytest.mark.parametrize("key", KEYS)
def test_each_model_has_two_accuracies_and_two_speeds_at_the_full_batch(key: str) -> None:
    """More primaries would each see less, and speeds at several loads are one question asked twice."""
    spec = load(key)
    shown = [(primary.metric, getattr(primary, "concurrency", None)) for primary in spec.gates.primaries]
    full_batch = spec.serving.max_num_seqs
    assert shown == [
        ("accuracy", None),
        ("normalised_accuracy", None),
        ("itl_ms", full_batch),
        ("output_tokens_per_second", full_batch),
    ]
