"""The JSON and Markdown files that stand beside the weights in a model repository."""

from typing import Any

from . import awq, w4a16
from .architectures import Architecture

Document = dict[str, Any]

_CARD = """---
library_name: transformers
pipeline_tag: text-generation
tags:
  - slipway-replica
---

# A replica of {real}

This is **not** {real}. Slipway's sandbox made it: the same architecture, the same kinds of files and the same number
formats, {share} of the size. {weights} It is here to be moved, served and tested.
"""

TRAINED = "It was trained on sentences about a small invented world, and knows nothing else."
SEEDED = "Its weights are seeded numbers that nobody trained."


def config(architecture: Architecture, *, model_type: str, tokens: dict[str, int], dtype: str = "bfloat16") -> Document:
    """The model's config.json; `tokens` gives the ids of `bos` and `eos`."""
    return {
        "architectures": [architecture.name],
        "attention_dropout": 0.0,
        "bos_token_id": tokens["bos"],
        "eos_token_id": tokens["eos"],
        "head_dim": architecture.head_dim,
        "hidden_act": "silu",
        "hidden_size": architecture.hidden_size,
        "initializer_range": 0.02,
        "intermediate_size": architecture.intermediate_size,
        "max_position_embeddings": architecture.context_length,
        "model_type": model_type,
        "num_attention_heads": architecture.attention_heads,
        "num_hidden_layers": architecture.layers,
        "num_key_value_heads": architecture.kv_heads,
        "rms_norm_eps": 1e-05,
        "rope_theta": architecture.rope_theta,
        "sliding_window": None,
        "tie_word_embeddings": architecture.tied,
        "torch_dtype": dtype,
        "use_cache": True,
        "vocab_size": architecture.vocab_size,
    }


def generation_config(tokens: dict[str, int]) -> Document:
    """How to sample when the request does not say."""
    return {"_from_model_config": True, "bos_token_id": tokens["bos"], "eos_token_id": tokens["eos"]}


def params(architecture: Architecture) -> Document:
    """Mistral's own params.json, which goes with consolidated.safetensors."""
    return {
        "dim": architecture.hidden_size,
        "n_layers": architecture.layers,
        "head_dim": architecture.head_dim,
        "hidden_dim": architecture.intermediate_size,
        "n_heads": architecture.attention_heads,
        "n_kv_heads": architecture.kv_heads,
        "rope_theta": architecture.rope_theta,
        "norm_eps": 1e-05,
        "vocab_size": architecture.vocab_size,
        "max_position_embeddings": architecture.context_length,
    }


def compressed_tensors() -> Document:
    """The `quantization_config` of a W4A16 model, as compressed-tensors and vLLM read it."""
    scheme = {
        "num_bits": w4a16.BITS,
        "type": "int",
        "symmetric": True,
        "strategy": "group",
        "group_size": w4a16.GROUP,
        "dynamic": False,
        "actorder": None,
        "block_structure": None,
        "observer": "minmax",
        "observer_kwargs": {},
    }
    group = {"targets": ["Linear"], "weights": scheme, "input_activations": None, "output_activations": None}
    return {
        "quant_method": "compressed-tensors",
        "format": "pack-quantized",
        "quantization_status": "compressed",
        "config_groups": {"group_0": group},
        "ignore": ["lm_head"],
        "kv_cache_scheme": None,
        "global_compression_ratio": None,
    }


def awq_quantization() -> Document:
    """The `quantization_config` of an AWQ model."""
    return {
        "quant_method": "awq",
        "bits": 4,
        "group_size": awq.GROUP,
        "version": "gemm",
        "zero_point": True,
        "modules_to_not_convert": None,
    }


def recipe() -> str:
    """The recipe.yaml that a quantization tool leaves beside its output."""
    return (
        "default_stage:\n"
        "  default_modifiers:\n"
        "    QuantizationModifier:\n"
        "      targets: [Linear]\n"
        "      ignore: [lm_head]\n"
        "      scheme: W4A16\n"
    )


def card(real: str, *, share: str, weights: str) -> str:
    """The README.md, which says at once that this is a replica; `weights` is `TRAINED` or `SEEDED`."""
    return _CARD.format(real=real, share=share, weights=weights)
