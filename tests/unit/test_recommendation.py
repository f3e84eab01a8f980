"""The recommendation follows from the numbers, by the table of docs/comparison.md."""

from __future__ import annotations

import pytest

from flows.compare_models.contrast import AccuracyContrast, Interval
from flows.compare_models.recommendation import Recommendation, recommend

CHEAPER, SIMILAR, DEARER = (Interval(value=value, lower=value * 0.9, upper=value * 1.1) for value in (0.2, 1.0, 1.5))
KEPT = Interval(value=-0.01, lower=-0.05, upper=0.03)
LOST = Interval(value=-0.12, lower=-0.20, upper=-0.05)
OPEN = Interval(value=-0.05, lower=-0.12, upper=0.02)
# The point lies beyond the margin, and chance alone could have put it there.
NOISY = Interval(value=-0.09, lower=-0.20, upper=0.01)


def contrast(
    difference: Interval | None, *, margin: float | None = 0.08, name: str = "arc_easy accuracy"
) -> AccuracyContrast:
    """An accuracy with this difference."""
    reasons = () if difference else ("the questions are other ones",)
    return AccuracyContrast(
        name=name, reference=0.9, candidate=0.9, questions=100, difference=difference, margin=margin, reasons=reasons
    )


def recommended(*differences: Interval | None, price: Interval | None) -> Recommendation:
    """What is recommended of a quantized and a full model."""
    accuracies = tuple(contrast(difference) for difference in differences)
    return recommend(candidate="quantized", reference="full", accuracies=accuracies, price=price)


@pytest.mark.parametrize(
    ("difference", "price", "choice", "begins"),
    [
        (KEPT, CHEAPER, "quantized", "Serve quantized: "),
        (KEPT, SIMILAR, None, "Either serves: "),
        (KEPT, DEARER, "full", "Serve full: "),
        (LOST, CHEAPER, None, "Weigh it: "),
        (LOST, SIMILAR, "full", "Serve full: "),
        (LOST, DEARER, "full", "Serve full: "),
        (OPEN, CHEAPER, None, "Not decided: "),
        (NOISY, DEARER, None, "Not decided: "),
        (None, CHEAPER, None, "No recommendation: "),
        (KEPT, None, None, "No recommendation: "),
    ],
)
def test_each_case_has_its_sentence(
    difference: Interval | None, price: Interval | None, choice: str | None, begins: str
) -> None:
    """A model would be recommended against its own numbers."""
    found = recommended(difference, price=price)
    assert found.choice == choice
    assert found.sentence.startswith(begins)


def test_one_lost_accuracy_outweighs_those_that_were_kept() -> None:
    """A model that forgot one of two subjects would pass for the mean of both."""
    assert recommended(KEPT, LOST, price=CHEAPER).accuracy == "lost"
    assert recommended(KEPT, OPEN, price=CHEAPER).accuracy == "open"


def test_the_sentence_names_the_accuracy_that_decides() -> None:
    """The sentence would show a harmless number beside a grave verdict."""
    accuracies = (contrast(KEPT), contrast(LOST, name="hellaswag accuracy"))
    sentence = recommend(candidate="quantized", reference="full", accuracies=accuracies, price=CHEAPER).sentence
    assert "quantized's hellaswag accuracy is -12.0 points from full's on 100 questions" in sentence
    assert "0.20 times as much (0.18 to 0.22)" in sentence


def test_without_an_accuracy_that_matters_nothing_is_recommended() -> None:
    """The cheapest model would win, whatever it answers."""
    accuracies = (contrast(KEPT, margin=None),)
    found = recommend(candidate="quantized", reference="full", accuracies=accuracies, price=CHEAPER)
    assert (found.choice, found.accuracy) == (None, "unknown")
    assert "the gates of quantized name no accuracy" in found.sentence
