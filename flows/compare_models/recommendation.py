"""Which variant the numbers speak for, by the rules of docs/comparison.md: pure."""

from __future__ import annotations

import math
from typing import Literal

from flows.check_model.metrics import Fact
from flows.compare_models.contrast import AccuracyContrast, Interval

Accuracy = Literal["kept", "lost", "open", "unknown"]
Price = Literal["cheaper", "dearer", "similar", "unknown"]

_TOLD: dict[tuple[Accuracy, Price], str] = {
    ("kept", "cheaper"): "Serve {candidate}: {answers}, and {tokens}.",
    ("kept", "similar"): "Either serves: {answers}, and {tokens}.",
    ("kept", "dearer"): "Serve {reference}: {answers}, but {tokens}.",
    ("lost", "cheaper"): "Weigh it: {answers}, but {tokens}. Serve {reference} where a wrong answer costs more.",
    ("lost", "similar"): "Serve {reference}: {answers}, and {tokens}.",
    ("lost", "dearer"): "Serve {reference}: {answers}, and {tokens}.",
}


class Recommendation(Fact):
    """What to serve.

    Attributes:
        choice: a catalog key; None where the numbers do not decide.
        sentence: the choice with the numbers that it follows from.
        accuracy: what became of the candidate's accuracy.
        price: how a million output tokens of the candidate compare with the reference's, each at its full batch.
    """

    choice: str | None
    sentence: str
    accuracy: Accuracy
    price: Price


def recommend(
    *, candidate: str, reference: str, accuracies: tuple[AccuracyContrast, ...], price: Interval | None
) -> Recommendation:
    """Choose between two variants.

    Args:
        candidate: the key of the variant that is up for serving, for example the quantized one.
        reference: the key of what it is held to.
        accuracies: all contrasts; those without a margin are not looked at.
        price: of a million output tokens, candidate to reference; None if unknown.
    """
    primaries = tuple(contrast for contrast in accuracies if contrast.margin is not None)
    accuracy, cost = accuracy_of(primaries), price_of(price)
    choice = _choice(accuracy, cost, candidate=candidate, reference=reference)
    sentence = _sentence(accuracy, cost, candidate=candidate, reference=reference, primaries=primaries, ratio=price)
    return Recommendation(choice=choice, sentence=sentence, accuracy=accuracy, price=cost)


def accuracy_of(primaries: tuple[AccuracyContrast, ...]) -> Accuracy:
    """Say what became of the accuracies whose drop matters; nothing measured is unknown, never kept."""
    if not primaries or any(contrast.difference is None for contrast in primaries):
        return "unknown"
    if any(_lost(contrast) for contrast in primaries):
        return "lost"
    return "kept" if all(_kept(contrast) for contrast in primaries) else "open"


def price_of(price: Interval | None) -> Price:
    """Say on which side of 1 the interval of the price's ratio lies."""
    if price is None:
        return "unknown"
    if price.upper < 1:
        return "cheaper"
    return "dearer" if price.lower > 1 else "similar"


def _lost(contrast: AccuracyContrast) -> bool:
    difference, margin = contrast.difference, contrast.margin
    return difference is not None and margin is not None and difference.value <= -margin and difference.upper < 0


def _kept(contrast: AccuracyContrast) -> bool:
    difference, margin = contrast.difference, contrast.margin
    return difference is not None and margin is not None and difference.lower > -margin


def _choice(accuracy: Accuracy, price: Price, *, candidate: str, reference: str) -> str | None:
    match accuracy, price:
        case "kept", "cheaper":
            return candidate
        case ("kept", "dearer") | ("lost", "dearer" | "similar"):
            return reference
        case _:
            return None


def _sentence(
    accuracy: Accuracy,
    price: Price,
    *,
    candidate: str,
    reference: str,
    primaries: tuple[AccuracyContrast, ...],
    ratio: Interval | None,
) -> str:
    answers, tokens = _accuracy_clause(primaries, candidate=candidate, reference=reference), _price_clause(ratio)
    if accuracy == "unknown":
        return f"No recommendation: {answers}."
    if price == "unknown":
        return f"No recommendation: {tokens}."
    if accuracy == "open":
        more = "Ask more questions: raise evaluation.regression_limit of both, and test them again."
        return f"Not decided: {answers}; {tokens}. {more}"
    template = _TOLD[accuracy, price]
    return template.format(candidate=candidate, reference=reference, answers=answers, tokens=tokens)


def _accuracy_clause(primaries: tuple[AccuracyContrast, ...], *, candidate: str, reference: str) -> str:
    """Tell the accuracy that decides: the one that is unknown, else the one that may have lost most of its margin."""
    if not primaries:
        return f"the gates of {candidate} name no accuracy"
    for contrast in primaries:
        if contrast.difference is None:
            return f"{contrast.name} cannot be compared ({'; '.join(contrast.reasons)})"
    worst = min(primaries, key=_room)
    difference, margin = worst.difference, worst.margin
    if difference is None or margin is None:
        raise RuntimeError("a primary has a margin, and was found to have a difference")
    ends = f"{_signed(difference.lower)} to {_signed(difference.upper)}"
    return (
        f"{candidate}'s {worst.name} is {_signed(difference.value)} points from {reference}'s on {worst.questions} "
        f"questions ({ends} at 95%; -{100 * margin:.0f} would matter)"
    )


def _signed(difference: float) -> str:
    return f"{100 * difference:+.1f}"


def _room(contrast: AccuracyContrast) -> float:
    return math.inf if contrast.difference is None else contrast.difference.lower + (contrast.margin or 0.0)


def _price_clause(ratio: Interval | None) -> str:
    if ratio is None:
        return "what its output tokens cost beside the other's is not known"
    return (
        f"a million of its output tokens cost {ratio.value:.2f} times as much "
        f"({ratio.lower:.2f} to {ratio.upper:.2f}), each at its full batch"
    )
