"""How good the written weights are, and how much worse damaged copies: the scores that the README quotes."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer

from sandbox.replicas import w4a16
from sandbox.replicas.architectures import MISTRAL_SMALL
from sandbox.replicas.tensors import Tensor, floats_of
from sandbox.replicas.weight_files import read_file

from . import corpus, learning, scoring

UNDER_TRAINED = 120  # steps
NOISE = (0.25, 0.5, 1.0)  # of each tensor's standard deviation

_SEED = 1


def measure(folder: Path, items: dict[str, list[dict[str, Any]]], *, told: corpus.Split) -> dict[str, dict[str, float]]:
    """Score the weights in `folder` as trained, quantized and damaged.

    Args:
        folder: where `mistral/tokenizer.json` and `mistral/weights.safetensors` are.
        items: the questions by lm-eval's name of the task.
        told: what an under-trained copy may learn.

    Returns:
        Accuracies, 0 to 1, by variant and by `task/metric`.
    """
    words = Tokenizer.from_file(str(folder / "mistral" / "tokenizer.json"))
    trained = list(read_file(folder / "mistral" / "weights.safetensors"))
    weights = {tensor.name: torch.tensor(floats_of(tensor)) for tensor in trained}
    variants = {"full": weights, "quantized": {tensor.name: _rounded(tensor) for tensor in trained}}
    variants |= {f"noise {share}": _noisy(weights, share) for share in NOISE}
    variants[f"{UNDER_TRAINED} steps"] = _under_trained(words, told)
    return {name: _scores(variant, words, items) for name, variant in variants.items()}


def _scores(
    weights: dict[str, torch.Tensor], words: Tokenizer, items: dict[str, list[dict[str, Any]]]
) -> dict[str, float]:
    model = learning.new_model(_SEED).eval()
    model.load_state_dict(weights)
    found = {}
    for task, prompt in (("arc_easy", scoring.arc_easy), ("hellaswag", scoring.hellaswag)):
        score = scoring.score(model, words, [prompt(item) for item in items[task]])
        found |= {f"{task}/acc": round(score.accuracy, 4), f"{task}/acc_norm": round(score.normalised, 4)}
    return found


def _rounded(tensor: Tensor) -> torch.Tensor:
    """What the quantized twin computes with."""
    weights = floats_of(tensor)
    if tensor.name.removesuffix(".weight") in MISTRAL_SMALL.linears():
        weights = w4a16.dequantize(*w4a16.quantize(weights))
    return torch.tensor(weights)


def _noisy(weights: dict[str, torch.Tensor], share: float) -> dict[str, torch.Tensor]:
    chance = np.random.default_rng(_SEED)
    return {
        name: value + share * float(value.std()) * torch.tensor(chance.standard_normal(value.shape), dtype=value.dtype)
        for name, value in weights.items()
    }


def _under_trained(words: Tokenizer, told: corpus.Split) -> dict[str, torch.Tensor]:
    model = learning.new_model(_SEED)
    steps = learning.learn(model, words, told, seed=_SEED, steps=learning.STEPS)
    for _ in itertools.islice(steps, UNDER_TRAINED):
        pass
    return {name: value.detach() for name, value in model.state_dict().items()}
