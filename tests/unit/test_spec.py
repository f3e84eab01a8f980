"""The spec: every value that it refuses, and what follows from the values that it takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from deployments import catalog
from deployments.catalog import keys
from deployments.overlay import merge
from deployments.spec import ClaimStorage, ModelSpec, Source

Changed = Callable[[dict[str, Any]], ModelSpec]


@pytest.fixture
def changed() -> Changed:
    """Build the quantized model with some values changed."""
    values = catalog.load("quantized").model_dump(mode="json")

    def build(patch: dict[str, Any]) -> ModelSpec:
        return ModelSpec.model_validate(merge(values, patch))

    return build


@pytest.fixture
def refusal(changed: Changed) -> Callable[[dict[str, Any]], str]:
    """Return what is said about a model with some values changed."""

    def say(patch: dict[str, Any]) -> str:
        with pytest.raises(ValidationError) as refused:
            changed(patch)
        return str(refused.value)

    return say


def test_every_nullable_key_may_be_left_out(changed: Changed) -> None:
    """An overlay's null, which removes a key, would break the model instead of saying "none"."""
    spec = changed({"identity": {"quantization": None}, "serving": {"mesh": None}, "evaluation": {"full_limit": None}})
    assert (spec.identity.quantization, spec.serving.mesh, spec.evaluation.full_limit) == (None, None, None)


def test_a_spec_cannot_be_changed(changed: Changed) -> None:
    """A task could alter the version that the next task writes."""
    with pytest.raises(ValidationError, match="frozen"):
        changed({}).version = "other"


def test_a_spec_survives_a_round_trip(changed: Changed) -> None:
    """A spec that Prefect hands from task to task would lose a value."""
    spec = changed({})
    assert ModelSpec.model_validate_json(spec.model_dump_json()) == spec


@pytest.mark.parametrize(
    "name", ["", "..", "a/b", "/a", "a/../b", "a\\b", "-a", "a-", ".a", "a..b", "a b", "ä", "a" * 64, "a\n"]
)
@pytest.mark.parametrize("key", ["registered_model", "version"])
def test_a_name_cannot_leave_its_prefix(key: str, name: str, refusal: Callable[[dict[str, Any]], str]) -> None:
    """An import could write over another model's objects."""
    assert "cannot be one level of an S3 prefix" in refusal({key: name})


@pytest.mark.parametrize(
    "name", ["comparisons", "evidence", "leases", "probes", "receipts", "services", "test-results"]
)
def test_a_model_cannot_take_the_prefix_of_slipways_own_objects(
    name: str, refusal: Callable[[dict[str, Any]], str]
) -> None:
    """Weights would lie between leases and receipts."""
    assert "slipway keeps for itself" in refusal({"registered_model": name})


def test_failure_2_one_prefix_for_import_service_and_test(changed: Changed) -> None:
    """The import wrote quantized-w4a16/, the service read quant-w4a16/, the test published to a third name."""
    spec = changed({"registered_model": "M", "version": "v1"})
    assert spec.prefix == "M/v1/"
    assert "prefix" not in ModelSpec.model_fields


def test_failure_12_the_served_name_cannot_be_set_twice(refusal: Callable[[dict[str, Any]], str]) -> None:
    """The engine would answer to another name than the one that the benchmark asks for."""
    args = ["--max-model-len=32768", "--max-num-seqs=16", "--served-model-name=other"]
    assert "set by the ServingRuntime" in refusal({"serving": {"vllm_args": args}})


@pytest.mark.parametrize("missing", ["nvidia.com/gpu.product", "node.kubernetes.io/instance-type"])
def test_failure_14_a_gpu_model_names_its_node(missing: str, refusal: Callable[[dict[str, Any]], str]) -> None:
    """The one-GPU model would be scheduled onto the four-GPU node."""
    assert missing in refusal({"serving": {"node_selector": {missing: None}}})


def test_failure_14_a_rollout_needs_its_gpus_once() -> None:
    """A rollout would ask for twice the GPUs, exhaust the quota and hang."""
    assert {catalog.load(key).serving.deployment_strategy for key in keys()} == {"Recreate"}


def test_failure_15_a_volume_is_mounted_by_one_pod(refusal: Callable[[dict[str, Any]], str]) -> None:
    """The new pod would wait for a volume that the old one holds."""
    claim = {"serve_from": "pvc", "claim": "weights", "size": "120Gi", "access_mode": "ReadWriteOnce"}
    said = refusal({"storage": claim, "serving": {"deployment_strategy": "RollingUpdate"}})
    assert "mounts a ReadWriteOnce volume twice; use Recreate" in said


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("--quantization=awq", "crash-loops the engine"),
        ("--tokenizer-mode=mistral", "crash-loops"),
        ("--max-num-seqs=16", "given twice"),
        ("--port=9000", "set by the ServingRuntime"),
        ("--max-num-batched-tokens 512", "not a vLLM argument"),
        ("-tp=2", "not a vLLM argument"),
        ("--trust-remote-code", "needs source.remote_code_allowed"),
    ],
)
def test_arguments_that_fail_are_refused(
    argument: str, said: str, changed: Changed, refusal: Callable[[dict[str, Any]], str]
) -> None:
    """The predictor would crash-loop, or quietly ignore a value."""
    args = [*changed({}).serving.vllm_args, argument]
    assert said in refusal({"serving": {"vllm_args": args}})


@pytest.mark.parametrize(
    ("patch", "said"),
    [
        ({"serving": {"container_concurrency": 32}}, "32 is not --max-num-seqs, which is 16"),
        ({"serving": {"gpus": {"count": 2}}}, "does not use the 2 GPUs"),
        ({"serving": {"vllm_args": ["--max-model-len=8192"]}}, "--max-num-seqs must be given"),
        ({"serving": {"inference_service": "Mistral_24B"}}, "not a DNS label"),
        ({"serving": {"inference_service": "m" * 54}}, "not a DNS label of at most 53"),
        ({"serving": {"resources": {"requests": {"cpu": 11}}}}, "11 is more than limits.cpu, which is 10"),
        ({"serving": {"resources": {"limits": {"memory": "20GB"}}}}, "not a Kubernetes quantity"),
        ({"identity": {"context_length": 8192}}, "--max-model-len=32768 is more than identity.context_length"),
        ({"identity": {"kv_heads": 5}}, "5 does not divide attention_heads"),
        ({"identity": {"layers": True}}, "valid integer"),
        ({"identity": {"quantization": {"bits": 5}}}, "2, 3, 4 or 8"),
        ({"source": {"repo": "RedHatAI"}}, "write owner/name"),
        ({"source": {"repo": "../RedHatAI/x"}}, "write owner/name"),
        ({"source": {"revision": "../main"}}, "not a branch, a tag or a commit"),
        ({"source": {"include": ["../*"]}}, "not a file pattern inside the repository"),
        ({"source": {"include": []}}, "at least 1 item"),
        ({"source": {"pickles_allowed": "yes"}}, "valid boolean"),
        ({"benchmark": {"gated_concurrencies": [1, 4]}}, "the last is 4, not --max-num-seqs, which is 16"),
        ({"benchmark": {"gated_concurrencies": [4, 1, 16]}}, "not ascending"),
        ({"benchmark": {"prompt_tokens": 32768}}, "more than --max-model-len"),
        ({"gates": {"accuracy_floors": {"mmlu": 0.5}}}, "no evaluation task has this name"),
        ({"gates": {"accuracy_floors": {"arc_easy": 50}}}, "less than or equal to 1"),
        ({"gates": {"service_levels": [{"concurrency": 2}]}}, "concurrency 2 is not measured"),
        ({"cost_per_hour_usd": 0}, "greater than 0"),
    ],
)
def test_values_that_contradict_each_other_are_refused(
    patch: dict[str, Any], said: str, refusal: Callable[[dict[str, Any]], str]
) -> None:
    """The contradiction would be found when a GPU is already paid for."""
    assert said in refusal(patch)


def test_a_volume_must_hold_the_previous_version_too(refusal: Callable[[dict[str, Any]], str]) -> None:
    """A rollback would have no weights to go to."""
    claim = {"serve_from": "pvc", "claim": "weights", "size": "20Gi", "access_mode": "ReadWriteOnce"}
    assert "does not hold this version and the previous one" in refusal({"storage": claim})


def test_storage_says_what_it_needs_by_kind(changed: Changed) -> None:
    """A model on a volume would be read from S3."""
    claim = {"serve_from": "pvc", "claim": "weights", "size": "120Gi", "access_mode": "ReadWriteOnce"}
    assert changed({"storage": claim}).storage == ClaimStorage.model_validate(claim)


@pytest.mark.parametrize(
    ("revision", "pinned"),
    [("main", False), ("v1.0", False), ("refs/pr/3", False), ("a" * 40, True), ("A" * 40, False), ("a" * 39, False)],
)
def test_only_a_full_commit_is_pinned(revision: str, *, pinned: bool) -> None:
    """A branch would pass as provenance."""
    assert Source(repo="a/b", revision=revision, include=("*",)).is_pinned is pinned
