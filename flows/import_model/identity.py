"""What a model is, read from its config and safetensors headers, and how that differs from what is declared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import prod
from typing import TYPE_CHECKING, Any

from deployments.spec import Identity, Quantization

if TYPE_CHECKING:
    from blocks.hub_files import TensorInfo

PACKED_SUFFIXES = (".weight_packed", ".qweight")
"""int32 tensors that hold several weights an element: compressed-tensors' name, and AWQ's and GPTQ's."""

BOOKKEEPING_SUFFIXES = (
    ".weight_scale",
    ".weight_shape",
    ".weight_zero_point",
    ".weight_g_idx",
    ".scales",
    ".qzeros",
    ".g_idx",
)
"""Tensors that describe packed weights and are no parameters themselves."""

INT32_BITS = 32

METHOD = "quantization.method"
NONE = "none"
UNKNOWN = "unknown"

Facts = dict[str, int | str]
"""An identity as comparable facts by name."""


def count_parameters(tensors: Iterable[tuple[str, TensorInfo]], *, bits: int | None) -> int:
    """Count the weights that a set of safetensors headers declares.

    Args:
        tensors: (name, tensor) of every shard. A tied embedding is stored, and so counted, once.
        bits: width of a packed weight, or None for a model without quantization. An element of a packed
            int32 tensor is 32/bits weights.
    """
    total = 0
    for name, tensor in tensors:
        if name.endswith(BOOKKEEPING_SUFFIXES):
            continue
        elements = prod(tensor.shape)
        total += elements * (INT32_BITS // bits) if bits and name.endswith(PACKED_SUFFIXES) else elements
    return total


def declared(identity: Identity) -> Facts:
    """Name each fact of a declared identity once, nested ones by a dotted path."""
    facts: Facts = {name: getattr(identity, name) for name in Identity.model_fields if name != "quantization"}
    quantization = identity.quantization
    if quantization is None:
        return {**facts, METHOD: NONE}
    return facts | {f"quantization.{name}": getattr(quantization, name) for name in Quantization.model_fields}


def observed(config: Mapping[str, Any], tensors: Iterable[tuple[str, TensorInfo]]) -> Facts:
    """Read the same facts from `config.json` and from the tensors that the shards' headers declare."""
    quantization = _observed_quantization(config)
    bits = quantization.get("quantization.bits")
    heads = config.get("num_attention_heads", 0)
    return {
        "architecture": ", ".join(config.get("architectures") or [NONE]),
        "layers": config.get("num_hidden_layers", 0),
        "hidden_size": config.get("hidden_size", 0),
        "intermediate_size": config.get("intermediate_size", 0),
        "attention_heads": heads,
        "kv_heads": config.get("num_key_value_heads", heads),
        "head_dim": config.get("head_dim") or (config.get("hidden_size", 0) // heads if heads else 0),
        "vocab_size": config.get("vocab_size", 0),
        "context_length": config.get("max_position_embeddings", 0),
        "parameters": count_parameters(tensors, bits=bits if isinstance(bits, int) else None),
        "dtype": config.get("dtype") or config.get("torch_dtype") or UNKNOWN,
        **quantization,
    }


def _observed_quantization(config: Mapping[str, Any]) -> Facts:
    """Read `quantization_config` in both shapes: compressed-tensors' groups, and the flat one of AWQ and GPTQ."""
    found = config.get("quantization_config")
    if not found:
        return {METHOD: NONE}
    groups = found.get("config_groups") or {}
    weights = next((group.get("weights") or {} for group in groups.values()), found)
    return {
        METHOD: found.get("quant_method", UNKNOWN),
        "quantization.format": found.get("format") or found.get("version") or UNKNOWN,
        "quantization.bits": weights.get("num_bits") or weights.get("bits") or 0,
        "quantization.group_size": weights.get("group_size") or 0,
    }


def differences(wanted: Facts, found: Facts) -> list[str]:
    """Say, fact by fact, how what was found differs from what is declared; empty where they are equal."""
    names = dict.fromkeys([*wanted, *found])
    if NONE in (wanted.get(METHOD), found.get(METHOD)):
        # One is not quantized at all: that is one difference, not four.
        names = {name: None for name in names if name == METHOD or not name.startswith("quantization.")}
    return [
        f"{name} is {_shown(found.get(name, NONE))}, declared {_shown(wanted.get(name, NONE))}"
        for name in names
        if wanted.get(name, NONE) != found.get(name, NONE)
    ]


def _shown(value: int | str) -> str:
    return f"{value:,}" if isinstance(value, int) else value
