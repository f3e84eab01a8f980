"""The two variants' accuracies and speeds against each other, with intervals, or why they cannot be compared.

Weights, precision, GPUs and arguments of the engine are what is compared, so they may differ. The questions asked and
the load put on must not. docs/comparison.md has the reasons.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from flows.check_model.measurement import accuracy_conditions, speed_conditions
from flows.check_model.metrics import Fact, LoadResult, TaskScore
from flows.check_model.paired import pair, tango_interval
from flows.check_model.repeats import LEAST_REPEATS, Ratio, compare_repeats
from flows.check_model.verdicts import Verdict
from flows.compare_models.variant import Variant

CONFIDENCE = 0.95

# Of a test's conditions these are the treatment here: a variant runs on the hardware that it was made for, and is
# loaded up to its own engine's batch.
_TREATED = ("gpu.product", "gpu.count", "loads")


class Interval(Fact):
    """A value with the ends of its 95% interval."""

    value: float
    lower: float
    upper: float


class AccuracyContrast(Fact):
    """One accuracy of both variants.

    Attributes:
        name: task and metric, as gates name them.
        reference: the reference's, 0 to 1; None if unknown.
        candidate: the candidate's.
        questions: that both answered.
        difference: candidate less reference, -1 to 1, paired by question; None if it cannot be taken.
        margin: the drop that matters, where the candidate's gates name one.
        reasons: why there is no difference.
    """

    name: str
    reference: float | None
    candidate: float | None
    questions: int = 0
    difference: Interval | None = None
    margin: float | None = None
    reasons: tuple[str, ...] = ()


class SpeedContrast(Fact):
    """One speed of both variants at one concurrency.

    Attributes:
        metric: as gates name it.
        concurrency: requests in flight.
        reference: the reference's geometric mean over its repeats; None if unknown.
        candidate: the candidate's.
        ratio: candidate to reference; None if it cannot be taken.
        reasons: why there is no ratio.
    """

    metric: str
    concurrency: int
    reference: float | None
    candidate: float | None
    ratio: Interval | None = None
    reasons: tuple[str, ...] = ()


SPEEDS = ("output_tokens_per_second", "ttft_ms", "itl_ms", "latency_seconds")
"""The first is better when higher, the others when lower."""


def accuracy_contrasts(*, candidate: Variant, reference: Variant) -> tuple[AccuracyContrast, ...]:
    """Compare both accuracies of every task that either variant was asked."""
    tasks = dict.fromkeys([*_tasks(reference), *_tasks(candidate)])
    return tuple(
        contrast
        for task in tasks
        for metric in ("accuracy", "normalised_accuracy")
        if (contrast := _accuracy(task, metric, candidate=candidate, reference=reference)) is not None
    )


def speed_contrasts(*, candidate: Variant, reference: Variant) -> tuple[SpeedContrast, ...]:
    """Compare the speeds at every concurrency that both variants were put under."""
    shared = sorted(set(candidate.concurrencies) & set(reference.concurrencies))
    return tuple(
        _speed(metric, concurrency, candidate=candidate, reference=reference)
        for concurrency in shared
        for metric in SPEEDS
    )


def full_batch_ratio(*, candidate: Variant, reference: Variant) -> Interval | None:
    """Output tokens a second, each at its own full batch: what the nodes can do; None if it cannot be taken."""
    if not candidate.concurrencies or not reference.concurrencies:
        return None
    new, old = candidate.repeats(candidate.concurrencies[-1]), reference.repeats(reference.concurrencies[-1])
    invalid = [
        *_invalid(candidate, f"{candidate.concurrencies[-1]} in flight"),
        *_invalid(reference, f"{reference.concurrencies[-1]} in flight"),
    ]
    if invalid or _load_differences(candidate, reference):
        return None
    return _ratio("output_tokens_per_second", new=new, old=old)


def _accuracy(task: str, metric: str, *, candidate: Variant, reference: Variant) -> AccuracyContrast | None:
    new, old = candidate.record.measurement.score(task), reference.record.measurement.score(task)
    before_value, after_value = _value(old, metric), _value(new, metric)
    if metric == "normalised_accuracy" and before_value is None and after_value is None:
        return None  # the task has no such score
    name = f"{task} {metric}"
    values = {reference.key: before_value, candidate.key: after_value}
    reasons = [
        *(f"{key}: not measured" for key, value in values.items() if value is None),
        *_invalid(reference, task),
        *_invalid(candidate, task),
        *_question_differences(task, candidate=candidate, reference=reference),
    ]
    known = AccuracyContrast(
        name=name,
        reference=before_value,
        candidate=after_value,
        margin=candidate.margins.get(name),
        reasons=tuple(reasons),
    )
    if reasons or new is None or old is None:
        return known
    before, after = _answers(old, metric), _answers(new, metric)
    if before.keys() != after.keys():
        return known.model_copy(update={"reasons": ("the questions are other ones",)})
    pairs = pair(before=before, after=after)
    lower, upper = tango_interval(pairs, confidence=CONFIDENCE)
    difference = Interval(value=pairs.change, lower=lower, upper=upper)
    return known.model_copy(update={"difference": difference, "questions": pairs.questions})


def _speed(metric: str, concurrency: int, *, candidate: Variant, reference: Variant) -> SpeedContrast:
    new, old = candidate.repeats(concurrency), reference.repeats(concurrency)
    reasons = [
        *_invalid(reference, f"{concurrency} in flight"),
        *_invalid(candidate, f"{concurrency} in flight"),
        *_load_differences(candidate, reference),
    ]
    ratio = None if reasons else _ratio(metric, new=new, old=old)
    if ratio is None and not reasons:
        reasons = [f"fewer than {LEAST_REPEATS} repeats that took the figure"]
    return SpeedContrast(
        metric=metric,
        concurrency=concurrency,
        reference=_mean([_time(result, metric) for result in old]),
        candidate=_mean([_time(result, metric) for result in new]),
        ratio=ratio,
        reasons=tuple(reasons),
    )


def _ratio(metric: str, *, new: tuple[LoadResult, ...], old: tuple[LoadResult, ...]) -> Interval | None:
    before, after = ([_time(result, metric) for result in results] for results in (old, new))
    if min(len(before), len(after)) < LEAST_REPEATS or min(*before, *after) <= 0:
        return None
    found: Ratio = compare_repeats(before=before, after=after, confidence=CONFIDENCE)
    return Interval(value=found.value, lower=found.lower, upper=found.upper)


def _mean(values: list[float]) -> float | None:
    """What a ratio of repeats is the ratio of: their geometric mean."""
    if not values or min(values) <= 0:
        return None
    return math.exp(math.fsum(map(math.log, values)) / len(values))


def _time(result: LoadResult, metric: str) -> float:
    if metric == "output_tokens_per_second":
        return result.output_tokens_per_second
    return float(getattr(result, metric).mean)


def _tasks(variant: Variant) -> list[str]:
    return [score.task for score in getattr(variant.record.evaluation, "scores", ())]


def _value(score: TaskScore | None, metric: str) -> float | None:
    if score is None:
        return None
    return score.accuracy if metric == "accuracy" else score.normalised


def _answers(score: TaskScore, metric: str) -> dict[str, bool]:
    if metric == "accuracy":
        return {answer.question: answer.correct for answer in score.answers}
    return {answer.question: bool(answer.correct_normalised) for answer in score.answers}


def _invalid(variant: Variant, subject: str) -> Iterator[str]:
    """What a variant's own test says against its figures of a task or a load."""
    for check in variant.record.judgement.absolute:
        if check.verdict is Verdict.INVALID and check.name.startswith(f"{subject} "):
            yield f"{variant.key}: {check.name}: {check.sentence}"


def _question_differences(task: str, *, candidate: Variant, reference: Variant) -> list[str]:
    before, after = (accuracy_conditions(variant.record.measurement, task=task) for variant in (reference, candidate))
    return _differences(before, after, candidate=candidate, reference=reference) if before and after else []


def _load_differences(candidate: Variant, reference: Variant) -> list[str]:
    before, after = (speed_conditions(variant.record.measurement) for variant in (reference, candidate))
    return _differences(before, after, candidate=candidate, reference=reference) if before and after else []


def _differences(before: dict[str, str], after: dict[str, str], *, candidate: Variant, reference: Variant) -> list[str]:
    return [
        f"{name} is {after.get(name, 'unknown')} for {candidate.key}, {before.get(name, 'unknown')} for {reference.key}"
        for name in dict.fromkeys([*before, *after])
        if name not in _TREATED and before.get(name) != after.get(name)
    ]
