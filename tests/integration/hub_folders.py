"""Small repositories for tests of the sandbox's Hub: the file set of a sharded model, and a data set."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

REPO = "acme/small-model"
DATASET = "acme/questions"
SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
SHARD_BYTES = 200_000  # of tensor data; more than a client reads for a header


def write_model(folder: Path) -> Path:
    """Write a model of two shards with configuration, tokenizer and a folder within."""
    (folder / "original").mkdir(parents=True)
    tensors = [f"layer.{number}.weight" for number in range(2)]
    for number, shard in enumerate(SHARDS):
        (folder / shard).write_bytes(safetensors(tensors[number], seed=number))
    index = {"metadata": {"total_size": 2 * SHARD_BYTES}, "weight_map": dict(zip(tensors, SHARDS, strict=True))}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    (folder / "config.json").write_text(json.dumps({"model_type": "mistral", "padding": "x" * 4000}))
    (folder / "tokenizer.json").write_text("{}")
    (folder / "README.md").write_text("# A small model\n")
    (folder / "empty.txt").touch()
    (folder / "original" / "params.json").write_text('{"dim": 8}')
    (folder / "original" / "odd näme #1 100%.txt").write_text("odd")
    return folder


def safetensors(tensor: str, *, seed: int) -> bytes:
    """A safetensors file of one U8 tensor with reproducible bytes."""
    header = {tensor: {"dtype": "U8", "shape": [SHARD_BYTES], "data_offsets": [0, SHARD_BYTES]}}
    text = json.dumps(header).encode()
    data = hashlib.shake_128(bytes([seed])).digest(SHARD_BYTES)
    return len(text).to_bytes(8, "little") + text + data


def files(folder: Path) -> dict[str, str]:
    """SHA-256 by path of a folder's files, without a client's own bookkeeping."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and ".cache" not in path.parts
    }
