"""Accuracy by log-likelihood, as lm-eval's `arc_easy` and `hellaswag` measure it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import PreTrainedModel


@dataclass(frozen=True)
class Item:
    """One question in the form that is scored: which of the choices best continues the context."""

    context: str
    choices: tuple[str, ...]
    right: int


@dataclass(frozen=True)
class Score:
    """Shares of right answers, 0 to 1.

    Attributes:
        accuracy: by log-likelihood, lm-eval's `acc`.
        normalised: by log-likelihood per character of the choice, lm-eval's `acc_norm`.
    """

    accuracy: float
    normalised: float

    def __str__(self) -> str:
        return f"acc {self.accuracy:.3f}, acc_norm {self.normalised:.3f}"


def arc_easy(item: dict[str, Any]) -> Item:
    """An item of ARC in lm-eval's prompt."""
    choices = item["choices"]
    return Item(
        context=f"Question: {item['question']}\nAnswer:",
        choices=tuple(choices["text"]),
        right=choices["label"].index(item["answerKey"]),
    )


def hellaswag(item: dict[str, Any]) -> Item:
    """An item of HellaSwag in lm-eval's prompt."""
    context = f"{item['activity_label']}: {item['ctx_a']} {item['ctx_b'].capitalize()}"
    return Item(_clean(context), tuple(_clean(ending) for ending in item["endings"]), int(item["label"]))


@torch.no_grad()
def score(model: PreTrainedModel, tokenizer: Tokenizer, items: Sequence[Item]) -> Score:
    """Let the model choose for each item the choice that it finds most likely, without a begin-of-sequence token."""
    right = right_normalised = 0
    for item in items:
        likelihoods = [_log_likelihood(model, tokenizer, item.context, f" {choice}") for choice in item.choices]
        normalised = [value / len(choice) for value, choice in zip(likelihoods, item.choices, strict=True)]
        right += likelihoods.index(max(likelihoods)) == item.right
        right_normalised += normalised.index(max(normalised)) == item.right
    return Score(accuracy=right / len(items), normalised=right_normalised / len(items))


def _log_likelihood(model: PreTrainedModel, tokenizer: Tokenizer, context: str, choice: str) -> float:
    before = len(tokenizer.encode(context, add_special_tokens=False).ids)
    tokens = torch.tensor([tokenizer.encode(context + choice, add_special_tokens=False).ids])
    distribution = model(tokens).logits[0, before - 1 : -1].log_softmax(-1)
    return float(distribution.gather(1, tokens[0, before:, None]).sum())


def _clean(text: str) -> str:
    return re.sub(r"\[.*?\]", "", text.strip().replace(" [title]", ". ")).replace("  ", " ")
