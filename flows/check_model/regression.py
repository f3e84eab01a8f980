"""The primaries against the baseline: one test and one interval each, corrected for being several."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from deployments.spec import AccuracyPrimary, Gates, Primary, SpeedPrimary
from flows.check_model.checks import Check
from flows.check_model.measurement import Measurement, accuracy_conditions, differences, speed_conditions
from flows.check_model.metrics import LoadResult, TaskScore
from flows.check_model.multiplicity import holm
from flows.check_model.paired import detectable_drop, mcnemar, pair, tango_interval
from flows.check_model.repeats import LEAST_REPEATS, Ratio, compare_repeats, detectable_change
from flows.check_model.verdicts import Verdict


class Comparison(Check):
    """A primary's check with its numbers.

    Attributes:
        kind: an accuracy's changes are differences (0.05 is five points), a speed's are fractions (0.10 is a tenth).
        before: the baseline's value; of a speed, the geometric mean of its repeats.
        after: this run's.
        worse_by: the change for the worse; negative is better.
        least: lower end of its interval.
        most: upper end of its interval.
        margin: the least change that matters.
        p_value: of "nothing changed", two-sided, before correction.
        adjusted: the same after Holm's.
        detectable: the smallest change for the worse that this run would have called a regression four times in five.
    """

    kind: Literal["accuracy", "speed"]
    before: float
    after: float
    worse_by: float
    least: float
    most: float
    margin: float
    p_value: float
    adjusted: float
    detectable: float


@dataclass(frozen=True, slots=True)
class _Effect:
    """A primary's change for the worse, before the correction."""

    kind: Literal["accuracy", "speed"]
    before: float
    after: float
    worse_by: float
    least: float
    most: float
    p_value: float
    better: float  # the change for the better that is worth the margin
    detectable: float


def compare(measurement: Measurement, *, baseline: Measurement, gates: Gates) -> tuple[Check, ...]:
    """Compare every primary with the baseline's.

    A primary regressed if its test is significant after Holm's correction and the change reaches its margin. It passes
    if the interval leaves no room for a change as bad as the margin. What lies between is inconclusive.

    Returns:
        A `Comparison` for each primary that could be compared, a plain `Check` for each that could not.
    """
    effects: dict[str, _Effect | Check] = {
        primary.name: _effect(primary, measurement=measurement, baseline=baseline, gates=gates)
        for primary in gates.primaries
    }
    adjusted = holm({name: effect.p_value for name, effect in effects.items() if isinstance(effect, _Effect)})
    checks: list[Check] = []
    for primary in gates.primaries:
        effect = effects[primary.name]
        if isinstance(effect, Check):
            checks.append(effect)
        else:
            checks.append(_judge(effect, primary=primary, adjusted=adjusted[primary.name], gates=gates))
    return tuple(checks)


def _effect(primary: Primary, *, measurement: Measurement, baseline: Measurement, gates: Gates) -> _Effect | Check:
    if isinstance(primary, AccuracyPrimary):
        return _accuracy(primary, measurement=measurement, baseline=baseline, gates=gates)
    return _speed(primary, measurement=measurement, baseline=baseline, gates=gates)


def _not_measured(name: str) -> Check:
    return Check(name=name, verdict=Verdict.INVALID, sentence="this primary was not measured")


def _not_comparable(name: str, reasons: list[str]) -> Check:
    return Check(name=name, verdict=Verdict.NOT_COMPARABLE, sentence="; ".join(reasons))


def _accuracy(
    primary: AccuracyPrimary, *, measurement: Measurement, baseline: Measurement, gates: Gates
) -> _Effect | Check:
    new, old = measurement.score(primary.task), baseline.score(primary.task)
    if new is None or _accuracy_of(new, primary) is None:
        return _not_measured(primary.name)
    if old is None or _accuracy_of(old, primary) is None:
        return _not_comparable(primary.name, ["the baseline does not have it"])
    reasons = differences(
        accuracy_conditions(baseline, task=primary.task), accuracy_conditions(measurement, task=primary.task)
    )
    before, after = _answers(old, primary), _answers(new, primary)
    if not reasons and before.keys() != after.keys():
        reasons = ["the questions are other ones"]
    if reasons:
        return _not_comparable(primary.name, reasons)
    pairs = pair(before=before, after=after)
    lower, upper = tango_interval(pairs, confidence=1 - gates.significance)
    strictest = gates.significance / len(gates.primaries)
    return _Effect(
        kind="accuracy",
        before=sum(before.values()) / len(before),
        after=sum(after.values()) / len(after),
        worse_by=(pairs.lost - pairs.gained) / pairs.questions,
        least=-upper,
        most=-lower,
        p_value=mcnemar(pairs),
        better=primary.margin,
        detectable=detectable_drop(pairs, significance=strictest, margin=primary.margin),
    )


def _accuracy_of(score: TaskScore, primary: AccuracyPrimary) -> float | None:
    return score.accuracy if primary.metric == "accuracy" else score.normalised


def _answers(score: TaskScore, primary: AccuracyPrimary) -> dict[str, bool]:
    if primary.metric == "accuracy":
        return {answer.question: answer.correct for answer in score.answers}
    return {answer.question: bool(answer.correct_normalised) for answer in score.answers}


def _speed(primary: SpeedPrimary, *, measurement: Measurement, baseline: Measurement, gates: Gates) -> _Effect | Check:
    new, old = measurement.repeats(primary.concurrency), baseline.repeats(primary.concurrency)
    if len(new) < LEAST_REPEATS:
        return _not_measured(primary.name)
    if len(old) < LEAST_REPEATS:
        return _not_comparable(primary.name, [f"the baseline has {len(old)} repeats of it"])
    if reasons := differences(speed_conditions(baseline), speed_conditions(measurement)):
        return _not_comparable(primary.name, reasons)
    before = [slowness(result, primary) for result in old]
    after = [slowness(result, primary) for result in new]
    if min(*before, *after) <= 0:
        # GuideLLM gives no negative times; a zero is a figure that was not taken.
        return _not_measured(primary.name)
    ratio = compare_repeats(before=before, after=after, confidence=1 - gates.significance)
    return _speed_effect(ratio, primary=primary, gates=gates, before=before, after=after)


def _speed_effect(
    ratio: Ratio, *, primary: SpeedPrimary, gates: Gates, before: list[float], after: list[float]
) -> _Effect:
    strictest = gates.significance / len(gates.primaries)
    per_second = primary.metric == "output_tokens_per_second"
    old, new = (math.exp(math.fsum(map(math.log, values)) / len(values)) for values in (before, after))
    return _Effect(
        kind="speed",
        before=1 / old if per_second else old,
        after=1 / new if per_second else new,
        worse_by=ratio.value - 1,
        least=ratio.lower - 1,
        most=ratio.upper - 1,
        p_value=ratio.p_value,
        # Better by a margin is the opposite of worse by it: 1.25 times the time, or 1/1.25 of it.
        better=1 - 1 / (1 + primary.margin),
        detectable=detectable_change(ratio, significance=strictest, margin=primary.margin),
    )


def slowness(result: LoadResult, primary: SpeedPrimary) -> float:
    """A repeat's value such that more is worse: milliseconds, or seconds for each output token."""
    if primary.metric == "output_tokens_per_second":
        return 1 / result.output_tokens_per_second if result.output_tokens_per_second else 0.0
    return {"ttft_ms": result.ttft_ms, "itl_ms": result.itl_ms, "tpot_ms": result.tpot_ms}[primary.metric].mean


def _judge(effect: _Effect, *, primary: Primary, adjusted: float, gates: Gates) -> Comparison:
    significant = adjusted < gates.significance
    if significant and effect.worse_by >= primary.margin:
        verdict = Verdict.REGRESSED
    elif significant and -effect.worse_by >= effect.better:
        verdict = Verdict.IMPROVED
    else:
        verdict = Verdict.PASS if effect.most < primary.margin else Verdict.INCONCLUSIVE
    return Comparison(
        name=primary.name,
        verdict=verdict,
        sentence=_sentence(effect, margin=primary.margin, adjusted=adjusted, gates=gates),
        kind=effect.kind,
        before=effect.before,
        after=effect.after,
        worse_by=effect.worse_by,
        least=effect.least,
        most=effect.most,
        margin=primary.margin,
        p_value=effect.p_value,
        adjusted=adjusted,
        detectable=effect.detectable,
    )


def _sentence(effect: _Effect, *, margin: float, adjusted: float, gates: Gates) -> str:
    def shown(change: float) -> str:
        return f"{100 * change:.1f} points" if effect.kind == "accuracy" else f"{change:.1%}"

    digits = 3 if effect.kind == "accuracy" else 1
    return (
        f"{effect.before:.{digits}f} → {effect.after:.{digits}f}, {'better' if effect.worse_by < 0 else 'worse'} by "
        f"{shown(abs(effect.worse_by))} (at {1 - gates.significance:.0%} worse by {shown(effect.least)} to "
        f"{shown(effect.most)}, p {adjusted:.2g} after Holm); {shown(margin)} worse would matter, "
        f"{shown(effect.detectable)} would have been seen"
    )
