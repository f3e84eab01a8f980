"""Identity: what the Hub serves is compared with what the catalog declares, before any weight moves."""

from __future__ import annotations

from typing import Any

from blocks.hub_files import TensorInfo
from deployments import catalog
from flows.import_model.identity import count_parameters, declared, differences, observed

QUANTIZED = declared(catalog.load("quantized").identity)

CONFIG: dict[str, Any] = {
    "architectures": ["MistralForCausalLM"],
    "num_hidden_layers": 40,
    "hidden_size": 5120,
    "intermediate_size": 32768,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "vocab_size": 131072,
    "max_position_embeddings": 32768,
    "torch_dtype": "bfloat16",
    "quantization_config": {
        "quant_method": "compressed-tensors",
        "format": "pack-quantized",
        "config_groups": {"group_0": {"weights": {"num_bits": 4, "group_size": 128, "symmetric": True}}},
    },
}

NEMO_CONFIG: dict[str, Any] = CONFIG | {
    "intermediate_size": 14336,
    "max_position_embeddings": 131072,
    "quantization_config": {"quant_method": "awq", "bits": 4, "group_size": 128, "version": "gemm"},
}


def linear(name: str, out: int, into: int) -> list[tuple[str, TensorInfo]]:
    """The three tensors of one W4A16 linear layer of `out` rows and `into` columns."""
    return [
        (f"{name}.weight_packed", TensorInfo("I32", (out, into // 8), 0, 0)),
        (f"{name}.weight_scale", TensorInfo("BF16", (out, into // 128), 0, 0)),
        (f"{name}.weight_shape", TensorInfo("I64", (2,), 0, 0)),
    ]


def packed_24b() -> list[tuple[str, TensorInfo]]:
    """Every tensor of the quantized 24B model, as its shards' headers declare them."""
    tensors = [
        ("model.embed_tokens.weight", TensorInfo("BF16", (131072, 5120), 0, 0)),
        ("lm_head.weight", TensorInfo("BF16", (131072, 5120), 0, 0)),
        ("model.norm.weight", TensorInfo("BF16", (5120,), 0, 0)),
    ]
    for layer in range(40):
        at = f"model.layers.{layer}"
        for name, out, into in [
            ("self_attn.q_proj", 4096, 5120),
            ("self_attn.k_proj", 1024, 5120),
            ("self_attn.v_proj", 1024, 5120),
            ("self_attn.o_proj", 5120, 4096),
            ("mlp.gate_proj", 32768, 5120),
            ("mlp.up_proj", 32768, 5120),
            ("mlp.down_proj", 5120, 32768),
        ]:
            tensors += linear(f"{at}.{name}", out, into)
        tensors += [(f"{at}.{norm}.weight", TensorInfo("BF16", (5120,), 0, 0)) for norm in ("input_norm", "post_norm")]
    return tensors


def test_packed_weights_count_as_many_as_they_hold() -> None:
    """If packed tensors counted by element, a quantized model would look a quarter of its size."""
    assert count_parameters(packed_24b(), bits=4) == 23_572_403_200


def test_the_declared_quantized_model_is_recognised() -> None:
    """If the real repository did not pass, nobody could import it."""
    assert differences(QUANTIZED, observed(CONFIG, packed_24b())) == []


def test_failure_1_a_12b_model_declared_as_24b_is_told_field_by_field() -> None:
    """If a 12B model passed as 24B, it would be registered, served and benchmarked under the wrong name."""
    embeddings = [("model.embed_tokens.weight", TensorInfo("BF16", (131072, 5120), 0, 0))]
    found = observed(NEMO_CONFIG, embeddings)
    assert differences(QUANTIZED, found) == [
        "intermediate_size is 14,336, declared 32,768",
        "context_length is 131,072, declared 32,768",
        "parameters is 671,088,640, declared 23,572,403,200",
        "quantization.method is awq, declared compressed-tensors",
        "quantization.format is gemm, declared pack-quantized",
    ]


def test_an_unquantized_model_differs_by_one_line() -> None:
    """If a missing quantization were four differences, the sentence would hide the point."""
    config = {key: value for key, value in CONFIG.items() if key != "quantization_config"}
    found = observed(config, [])
    told = [line for line in differences(QUANTIZED, found) if line.startswith("quantization.")]
    assert told == ["quantization.method is none, declared compressed-tensors"]


def test_head_dim_is_derived_where_the_config_leaves_it_out() -> None:
    """If it were taken as 0, Llama-style configs without head_dim would be refused."""
    config = {key: value for key, value in CONFIG.items() if key != "head_dim"}
    assert observed(config, [])["head_dim"] == 160


def test_awq_is_read_from_its_flat_shape() -> None:
    """If only compressed-tensors were understood, the sentence could not name what was found."""
    found = observed(NEMO_CONFIG, [])
    assert [found[f"quantization.{name}"] for name in ("method", "bits", "group_size")] == ["awq", 4, 128]
