"""What a repository's files say that the model is: the sandbox's own reading, to compare the product's with."""

import json
from math import prod
from pathlib import Path
from typing import Any

from .tensors import BITS, Tensor
from .weight_files import INDEX, SINGLE, read_file

_NOT_WEIGHTS = ("_scale", ".scales", "_shape", "_zero_point", ".qzeros")


def identity(folder: Path) -> dict[str, Any]:
    """The identity section of a catalog entry for the repository in `folder`.

    Raises:
        OSError: config.json or a weight file is missing.
    """
    config = json.loads((folder / "config.json").read_text())
    quantization = config.get("quantization_config")
    found = {
        "architecture": config["architectures"][0],
        "layers": config["num_hidden_layers"],
        "hidden_size": config["hidden_size"],
        "intermediate_size": config["intermediate_size"],
        "attention_heads": config["num_attention_heads"],
        "kv_heads": config["num_key_value_heads"],
        "head_dim": config["head_dim"],
        "vocab_size": config["vocab_size"],
        "context_length": config["max_position_embeddings"],
        "parameters": sum(_parameters(tensor, bits=4) for tensor in _weights(folder)),
        "dtype": config["torch_dtype"],
    }
    if quantization is not None:
        found["quantization"] = _quantization(quantization)
    return found


def _weights(folder: Path) -> list[Tensor]:
    shards = {SINGLE}
    if (folder / INDEX).exists():
        shards = set(json.loads((folder / INDEX).read_text())["weight_map"].values())
    return [tensor for shard in sorted(shards) for tensor in read_file(folder / shard)]


def _parameters(tensor: Tensor, *, bits: int) -> int:
    if tensor.name.endswith(_NOT_WEIGHTS):
        return 0
    return prod(tensor.shape) * (BITS["I32"] // bits if tensor.dtype == "I32" else 1)


def _quantization(config: dict[str, Any]) -> dict[str, Any]:
    method = config["quant_method"]
    if method == "awq":
        return {"method": method, "format": config["version"], **{key: config[key] for key in ("bits", "group_size")}}
    weights = config["config_groups"]["group_0"]["weights"]
    return {
        "method": method,
        "format": config["format"],
        "bits": weights["num_bits"],
        "group_size": weights["group_size"],
    }
