"""How many sequences a KV cache holds, held to the numbers that are known of the models."""

from __future__ import annotations

from typing import Any

import pytest

from deployments.spec import ModelSpec
from k8s.manifests.capacity import GIB, capacity, cpu_kv_cache_gib
from k8s.manifests.errors import CapacityError
from tests.golden.regenerate import model


def _with_serving(key: str, **changes: Any) -> ModelSpec:  # noqa: ANN401 - any field of a section
    spec = model(key)
    serving = spec.serving.model_copy(update=changes)
    return spec.model_copy(update={"serving": serving})


def _with_arguments(key: str, **changes: str) -> ModelSpec:
    spec = model(key)
    named = {f"--{name.replace('_', '-')}": value for name, value in changes.items()}
    kept = [each for each in spec.serving.vllm_args if each.split("=")[0] not in named]
    return _with_serving(key, vllm_args=(*kept, *(f"{name}={value}" for name, value in named.items())))


def test_8192_tokens_of_the_24b_model_take_one_and_a_quarter_gib() -> None:
    """All numbers below follow from 160 KiB a token."""
    assert model("quantized").identity.kv_cache_bytes_per_token == 160 * 1024
    assert model("quantized").identity.kv_cache_bytes_per_token * 8192 == 1.25 * GIB


def test_one_l4_leaves_5_to_6_gib_beside_the_quantized_model() -> None:
    """A preflight that promises more than the card has would let a crash loop through."""
    found = capacity(model("quantized"))
    assert 5 <= found.free_gib <= 6
    assert 32_000 <= found.tokens <= 39_000


def test_one_l4_holds_one_full_context_or_four_of_8192_tokens() -> None:
    """This is what users of the quantized model must know before they send long prompts."""
    found = capacity(model("quantized"))
    assert found.full_sequences == 1
    assert found.tokens // 8192 == 4


def test_full_contexts_queue_from_the_second_on() -> None:
    """A load test at concurrency 16 with full contexts measures the queue, not the engine."""
    found = capacity(model("quantized"))
    assert found.queues_at == 2
    assert "from concurrency 2 on full contexts queue" in found.sentence


def test_four_l4_divide_weights_and_kv_heads() -> None:
    """Counted as one card, the full model would never fit; each of the four keeps a quarter of a token."""
    found = capacity(model("full"))
    budget_gib = 0.85 * 24e9 / GIB
    assert found.free_gib == pytest.approx(budget_gib - 47e9 / 4 / GIB - 1.2, abs=0.01)
    assert found.tokens == int(found.free_gib * GIB) // (40 * 1024 * 16) * 16


def test_a_batch_that_fits_does_not_queue() -> None:
    """A warning about a queue that never forms would be ignored the next time."""
    found = capacity(model("smollm2"))
    assert found.queues_at is None
    assert found.sentence.endswith("the whole batch")


def test_a_context_that_does_not_fit_is_refused_with_the_longest_that_does() -> None:
    """The engine would load for minutes and then crash on this very rule."""
    with pytest.raises(CapacityError, match=r"needs 5\.0 GiB") as refused:
        capacity(model("quantized"), weights_bytes=16 * 10**9)
    assert refused.value.transient is False
    assert 0 < refused.value.longest < 32768
    assert f"lower --max-model-len to {refused.value.longest} or less" in str(refused.value)
    fits = _with_arguments("quantized", max_model_len=str(refused.value.longest))
    assert capacity(fits, weights_bytes=16 * 10**9).full_sequences == 1


def test_weights_that_do_not_fit_at_all_are_refused_with_more_gpus() -> None:
    """No shorter context helps when the full model is put on one card."""
    with pytest.raises(CapacityError, match="give it more GPUs") as refused:
        capacity(model("quantized"), weights_bytes=47 * 10**9)
    assert refused.value.longest == 0


def test_less_utilization_leaves_less_room() -> None:
    """The argument in the catalog is the one that counts, not a constant."""
    assert capacity(_with_arguments("smollm2", gpu_memory_utilization="0.45")).free_gib < (
        capacity(model("smollm2")).free_gib / 2
    )


def test_an_fp8_cache_holds_twice_the_tokens() -> None:
    """A model that was made to fit by an 8-bit cache must not be refused."""
    half, whole = capacity(_with_arguments("quantized", kv_cache_dtype="fp8")), capacity(model("quantized"))
    assert half.tokens == pytest.approx(2 * whole.tokens, abs=16)


def test_a_model_without_gpus_gets_a_cache_for_its_full_batch() -> None:
    """The CPU build has no share of a card: without a size it takes gigabytes, or too little to start."""
    gpus = model("smollm2").serving.gpus.model_copy(update={"count": 0})
    spec = _with_serving("smollm2", gpus=gpus)
    assert cpu_kv_cache_gib(spec) == 3
    assert capacity(spec).queues_at is None


def test_a_cache_that_the_pods_memory_does_not_hold_is_refused() -> None:
    """The pod would be killed for its memory as soon as the cache filled."""
    spec = model("quantized")
    gpus = spec.serving.gpus.model_copy(update={"count": 0})
    with pytest.raises(CapacityError, match=r"raise resources\.limits\.memory"):
        capacity(_with_serving("quantized", gpus=gpus), weights_bytes=18 * 10**9)
