"""The training loop: a MistralForCausalLM of a replica's size learns the corpus on one thread of a CPU."""

import math
import random
from collections.abc import Generator, Iterator

import torch
from tokenizers import Tokenizer
from transformers import MistralConfig, MistralForCausalLM

from sandbox.replicas.architectures import MISTRAL_SMALL

from .corpus import Split, documents
from .tokenizer import BOS, EOS

STEPS = 600
BATCH_TOKENS = 4096

_WARM_UP = 40  # steps
_PEAK = 4e-3  # learning rate
_SHORT, _LONG = 128, MISTRAL_SMALL.context_length  # tokens
_LONG_EVERY = 10  # steps; long rows cost more and teach only that far positions are like near ones


def new_model(seed: int) -> MistralForCausalLM:
    """An untrained model of the replica's architecture."""
    torch.manual_seed(seed)
    size = MISTRAL_SMALL
    config = MistralConfig(
        vocab_size=size.vocab_size,
        hidden_size=size.hidden_size,
        intermediate_size=size.intermediate_size,
        num_hidden_layers=size.layers,
        num_attention_heads=size.attention_heads,
        num_key_value_heads=size.kv_heads,
        head_dim=size.head_dim,
        max_position_embeddings=size.context_length,
        rms_norm_eps=1e-5,
        sliding_window=None,
        tie_word_embeddings=size.tied,
        rope_parameters={"rope_type": "default", "rope_theta": size.rope_theta},
        attn_implementation="sdpa",
    )
    return MistralForCausalLM(config)


def learn(model: MistralForCausalLM, tokenizer: Tokenizer, told: Split, *, seed: int, steps: int) -> Iterator[float]:
    """Train in place; yields the loss of each step. `steps` also sets how fast the learning rate falls."""
    rows = _rows(tokenizer, told, seed=seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=_PEAK, betas=(0.9, 0.98), weight_decay=0.1)
    next(rows)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = _rate(step, steps)
        length = _LONG if step % _LONG_EVERY == _LONG_EVERY - 1 else _SHORT
        batch = torch.tensor([rows.send(length) for _ in range(BATCH_TOKENS // length)])
        loss = model(input_ids=batch, labels=batch).loss
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        yield float(loss.detach())


def _rate(step: int, steps: int) -> float:
    if step < _WARM_UP:
        return _PEAK * (step + 1) / _WARM_UP
    return _PEAK * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * (step - _WARM_UP) / (steps - _WARM_UP))))


def _rows(tokenizer: Tokenizer, told: Split, *, seed: int) -> Generator[list[int], int, None]:
    """Rows of the length that is sent: whole documents one after the other, the last one cut."""
    chance = random.Random(f"rows {seed}")  # noqa: S311 - reproducible, not secret
    source = documents(told, seed=seed)
    length = yield []
    while True:
        row: list[int] = []
        while len(row) < length:
            # Evaluation sends no begin-of-sequence token, chat does: the model must know both beginnings.
            begin = [BOS] if row or chance.getrandbits(1) else []
            row += begin + tokenizer.encode(next(source), add_special_tokens=False).ids + [EOS]
        length = yield row[:length]
