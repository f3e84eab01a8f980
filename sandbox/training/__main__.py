"""Make the replica's data anew: `python -m sandbox.training` writes tokenizer, weights, data sets and their scores."""

import argparse
import itertools
import json
from pathlib import Path

import torch
from tokenizers import Tokenizer

from sandbox.replicas.tensors import bfloat16_tensor
from sandbox.replicas.weight_files import write_file

from . import corpus, learning, measuring, publish, tokenizer

SEED = 20250130

_DATA = Path(__file__).parents[1] / "replicas" / "data"
_TOKENIZER_TEXTS = 20_000


def main() -> None:
    """Train, write everything and print the scores."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.training", description=__doc__)
    parser.add_argument("--folder", type=Path, default=_DATA, help="where to write (default: the committed data)")
    parser.add_argument("--steps", type=int, default=learning.STEPS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(mode=True)
    told = corpus.split(SEED)
    folder = options.folder / "mistral"
    folder.mkdir(parents=True, exist_ok=True)
    texts = itertools.islice(corpus.documents(told, seed=SEED), _TOKENIZER_TEXTS)
    tokenizer.write(folder, tokenizer.train(texts))
    items = publish.publish(options.folder / "datasets", told, seed=SEED)
    model = learning.new_model(SEED)
    words = Tokenizer.from_file(str(folder / "tokenizer.json"))
    _train(model, words, told, steps=options.steps)
    tensors = [bfloat16_tensor(name, value.numpy()) for name, value in sorted(model.state_dict().items())]
    write_file(folder / "weights.safetensors", tensors)
    scores = measuring.measure(options.folder, items, told=told)
    (folder / "scores.json").write_text(json.dumps(scores, indent=2) + "\n")
    print(json.dumps(scores, indent=2))


def _train(model: learning.MistralForCausalLM, words: Tokenizer, told: corpus.Split, *, steps: int) -> None:
    for step, loss in enumerate(learning.learn(model, words, told, seed=SEED, steps=steps)):
        if step % 50 == 0:
            print(f"step {step}: loss {loss:.3f}", flush=True)


if __name__ == "__main__":
    main()
