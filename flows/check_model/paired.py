"""Two runs over the same questions: McNemar's exact test, Tango's interval, and the drop that a run can see."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

from flows.check_model.distributions import root

POWER = 0.8
"""The chance of seeing the detectable drop: the usual choice (Cohen 1988)."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """How two runs answered the same questions.

    Attributes:
        questions: how many.
        lost: right in the baseline, wrong now.
        gained: wrong in the baseline, right now.
    """

    questions: int
    lost: int
    gained: int

    @property
    def change(self) -> float:
        """Accuracy now less accuracy then, -1 to 1."""
        return (self.gained - self.lost) / self.questions


def pair(*, before: Mapping[str, bool], after: Mapping[str, bool]) -> Pairs:
    """Count how answers changed, by question.

    Raises:
        ValueError: the two runs did not answer the same questions, or none.
    """
    if not before or before.keys() != after.keys():
        raise ValueError("the two runs did not answer the same questions")
    lost = sum(before[question] and not after[question] for question in before)
    gained = sum(after[question] and not before[question] for question in before)
    return Pairs(questions=len(before), lost=lost, gained=gained)


def mcnemar(pairs: Pairs) -> float:
    """Two-sided exact p-value of "answers are lost as often as gained" (McNemar 1947).

    Given how many answers changed, the lost ones are Binomial(changed, 1/2) under the hypothesis; the p-value is twice
    the smaller tail, at most 1. Questions whose answers did not change say nothing about the difference.
    """
    changed, fewer = pairs.lost + pairs.gained, min(pairs.lost, pairs.gained)
    # Whole numbers until the division: 2**changed is beyond a float for the largest tasks.
    tail = sum(math.comb(changed, count) for count in range(fewer + 1))
    p_value: float = 2 * tail / 2**changed
    return min(1.0, p_value)


def tango_interval(pairs: Pairs, *, confidence: float) -> tuple[float, float]:
    """Score interval for the change of accuracy (Tango 1998, Statistics in Medicine 17:891-908).

    It holds its level for small numbers of changed answers, none included, where Wald's has width zero: 100 questions
    without a change still allow a drop of 3.7 points at 95%.
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    change = pairs.change
    # The score falls as the supposed change rises; it is 0 at the observed one.
    lower = root(lambda supposed: z - _score(pairs, supposed), lower=-1.0, upper=change)
    upper = root(lambda supposed: -z - _score(pairs, supposed), lower=change, upper=1.0)
    return lower, upper


def _score(pairs: Pairs, supposed: float) -> float:
    """Tango's score statistic of a supposed change, standard normal under it."""
    n, lost, gained = pairs.questions, pairs.lost, pairs.gained
    # Under a supposed drop d the likeliest share q of gained answers is the larger root of
    # 2n q² + ((2n - lost + gained) d - lost - gained) q - gained d (1 - d) = 0.
    drop = -supposed
    linear = -gained - lost + (2 * n - lost + gained) * drop
    constant = -gained * drop * (1 - drop)
    share = (math.sqrt(max(linear * linear - 8 * n * constant, 0.0)) - linear) / (4 * n)
    variance = n * (2 * share + drop * (1 - drop))
    distance = gained - lost - n * supposed
    if variance <= 0:
        return math.copysign(math.inf, distance) if distance else 0.0
    return distance / math.sqrt(variance)


def detectable_drop(pairs: Pairs, *, significance: float, margin: float) -> float:
    """The smallest true drop of accuracy that such a run calls a regression four times out of five, 0 to 1.

    Connor's power of McNemar's test (1987, Biometrics 43:207-211), where answers change back and forth as often as the
    fewer of the observed changes, and the drop comes on top. The observed drop must also reach the margin.

    Args:
        pairs: an observed comparison; its size and its noise count, its drop does not.
        significance: of the two-sided test, after correction for several ones.
        margin: the least drop that is called one.
    """
    noise = min(pairs.lost, pairs.gained) / pairs.questions
    normal = NormalDist()
    critical, power = normal.inv_cdf(1 - significance / 2), normal.inv_cdf(POWER)

    def surplus(drop: float) -> float:
        changed = 2 * noise + drop
        spread = math.sqrt(max(changed - drop * drop, 0.0))
        seen = drop * math.sqrt(pairs.questions) - critical * math.sqrt(changed) - power * spread
        past_margin = (drop - margin) * math.sqrt(pairs.questions) - power * spread
        return min(seen, past_margin)

    return root(surplus, lower=0.0, upper=1.0)
