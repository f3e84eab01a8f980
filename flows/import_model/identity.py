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


def quantization_of(config: Mapping[str, Any]) -> Quantization | None:
    """Read the quantization that a Hugging Face `config.json` declares; None where there is none.

    Shapes understood: compressed-tensors (`config_groups.*.weights`) and the flat one of AWQ and GPTQ. What a
    format does not say is "unknown" or 0, which equals no declared value.
    """
    declared = config.get("quantization_config")
    if not declared:
        return None
    groups = declared.get("config_groups") or {}
    weights = next((group.get("weights") or {} for group in groups.values()), declared)
    return Quantization.model_construct(
        method=declared.get("quant_method", "unknown"),
        format=declared.get("format") or declared.get("version") or "unknown",
        bits=weights.get("num_bits") or weights.get("bits") or 0,
        group_size=weights.get("group_size") or 0,
    )


def observe(config: Mapping[str, Any], tensors: Iterable[tuple[str, TensorInfo]]) -> Identity:
    """Read a model's identity from `config.json` and from the tensors that its shards declare."""
    quantization = quantization_of(config)
    heads = config.get("num_attention_heads", 0)
    return Identity.model_construct(
        architecture=", ".join(config.get("architectures") or ["none"]),
        layers=config.get("num_hidden_layers", 0),
        hidden_size=config.get("hidden_size", 0),
        intermediate_size=config.get("intermediate_size", 0),
        attention_heads=heads,
        kv_heads=config.get("num_key_value_heads", heads),
        head_dim=config.get("head_dim") or (config.get("hidden_size", 0) // heads if heads else 0),
        vocab_size=config.get("vocab_size", 0),
        context_length=config.get("max_position_embeddings", 0),
        parameters=count_parameters(tensors, bits=quantization.bits if quantization else None),
        dtype=config.get("dtype") or config.get("torch_dtype") or "unknown",
        quantization=quantization,
    )


def differences(expected: Identity, found: Identity) -> list[str]:
    """Say, field by field, how a found identity differs from the declared one; empty where they are equal."""
    wanted, got = _flat(expected), _flat(found)
    return [
        f"{field} is {_shown(got.get(field))}, declared {_shown(wanted.get(field))}"
        for field in dict.fromkeys([*wanted, *got])
        if wanted.get(field) != got.get(field)
    ]


def _flat(identity: Identity) -> dict[str, Any]:
    """Name each field once, nested ones by a dotted path; no quantization is one value, not five missing ones."""
    fields = {name: getattr(identity, name) for name in Identity.model_fields if name != "quantization"}
    quantization = identity.quantization
    if quantization is None:
        return {**fields, "quantization.method": "none"}
    return fields | {f"quantization.{name}": getattr(quantization, name) for name in Quantization.model_fields}


def _shown(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
