"""The absolute gates: was everything measured, does it mean anything, and does it keep the spec's limits?"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator

from deployments.spec import Gates, ModelSpec, ServiceLevel
from flows.check_model.measurement import Measurement, Missing
from flows.check_model.metrics import Fact, LoadResult, TaskScore
from flows.check_model.verdicts import Verdict


class Check(Fact):
    """One gate's answer.

    Attributes:
        name: what was looked at, for example "arc_easy floor".
        verdict: the answer.
        sentence: what was seen and what was wanted, for people.
    """

    name: str
    verdict: Verdict
    sentence: str


def absolute_checks(measurement: Measurement, *, spec: ModelSpec, limit: int | None) -> tuple[Check, ...]:
    """Hold one test to the spec alone, without a baseline.

    Args:
        measurement: what was measured.
        spec: the model's spec; what it declares is what must be there.
        limit: questions of each task that were asked for; None for all.
    """
    return (
        *_evaluation(measurement, spec=spec, limit=limit),
        *_concurrencies(measurement, spec=spec),
        *_saturation(measurement, spec=spec),
        *_service_levels(measurement, spec=spec),
    )


def _evaluation(measurement: Measurement, *, spec: ModelSpec, limit: int | None) -> Iterator[Check]:
    for task in spec.evaluation.tasks:
        score = measurement.score(task)
        if score is None:
            missing = measurement.evaluation
            reason = missing.reason if isinstance(missing, Missing) else "lm-eval's report does not have it"
            yield Check(name=f"{task} measured", verdict=Verdict.INVALID, sentence=f"not measured: {reason}")
            continue
        wanted = score.available if limit is None else min(limit, score.available)
        complete = score.asked == wanted
        yield Check(
            name=f"{task} measured",
            verdict=Verdict.PASS if complete else Verdict.INVALID,
            sentence=f"{score.asked} of {wanted} questions were scored",
        )
        yield _beats_chance(score, gates=spec.gates)
        yield _floor(score, gates=spec.gates)


def _beats_chance(score: TaskScore, *, gates: Gates) -> Check:
    """Guard against a server that omits prompt logprobs: lm-eval then scores exactly chance, and says nothing."""
    chance = score.chance
    # The error of guessing counts too: the one that lm-eval reports is 0 where every answer was right, or wrong.
    error = max(math.sqrt(chance * (1 - chance) / score.asked), score.accuracy_stderr or 0.0)
    wanted = chance + gates.above_chance_stderr * error
    beaten = score.accuracy > wanted
    return Check(
        name=f"{score.task} beats chance",
        verdict=Verdict.PASS if beaten else Verdict.INVALID,
        sentence=f"accuracy {score.accuracy:.3f}, where guessing gives {chance:.3f} and {wanted:.3f} would convince"
        + ("" if beaten else "; ask the server for echo with logprobs, and look at the weights"),
    )


def _floor(score: TaskScore, *, gates: Gates) -> Check:
    name, floor = f"{score.task} floor", gates.accuracy_floors.get(score.task)
    if floor is None:
        return Check(name=name, verdict=Verdict.PASS, sentence=f"no floor; accuracy {score.accuracy:.3f}")
    noise = gates.floor_noise_stderr * (score.accuracy_stderr or 0.0)
    if score.accuracy >= floor:
        verdict = Verdict.PASS
    else:
        verdict = Verdict.INCONCLUSIVE if score.accuracy + noise >= floor else Verdict.REGRESSED
    sentence = f"accuracy {score.accuracy:.3f} ± {noise:.3f}, floor {floor:.3f}"
    return Check(name=name, verdict=verdict, sentence=sentence)


def _concurrencies(measurement: Measurement, *, spec: ModelSpec) -> Iterator[Check]:
    for concurrency in spec.benchmark.gated_concurrencies:
        name, results = f"{concurrency} in flight", measurement.repeats(concurrency)
        wanted = spec.benchmark.repeats
        if len(results) < wanted:
            found = measurement.benchmarks
            reasons = (found.reason,) if isinstance(found, Missing) else found.problems
            sentence = ": ".join((f"{len(results)} of {wanted} repeats were measured", *reasons[:1]))
            yield Check(name=f"{name} measured", verdict=Verdict.INVALID, sentence=sentence)
            continue
        yield Check(name=f"{name} measured", verdict=Verdict.PASS, sentence=f"{len(results)} repeats")
        yield _errors(results, name=name, gates=spec.gates)
        achieved = min(result.achieved_share for result in results)
        kept = achieved >= spec.gates.achieved_load
        yield Check(
            name=f"{name} achieved",
            verdict=Verdict.PASS if kept else Verdict.INVALID,
            sentence=f"at least {achieved:.0%} of the asked requests were in flight, "
            f"{spec.gates.achieved_load:.0%} wanted"
            + ("" if kept else "; the client was too slow, or requests failed"),
        )


def _errors(results: tuple[LoadResult, ...], *, name: str, gates: Gates) -> Check:
    """Hold failed requests to their limit, repeat by repeat.

    Once 1,895 requests ended in "server disconnected", and nobody was told.
    """
    worst = max(results, key=lambda result: result.errored_share)
    within = worst.errored_share <= gates.errored_requests
    said = f", the first with {worst.first_error[:120]!r}" if worst.first_error and not within else ""
    return Check(
        name=f"{name} errors",
        verdict=Verdict.PASS if within else Verdict.INVALID,
        sentence=f"{worst.errored} of {worst.errored + worst.successful} requests failed in the worst repeat, "
        f"at most {gates.errored_requests:.1%} may{said}",
    )


def _saturation(measurement: Measurement, *, spec: ModelSpec) -> Iterator[Check]:
    """Rates are reported: what they reach is no gate, but they must have been run, and errors are errors."""
    saturation = measurement.saturation
    results = () if isinstance(saturation, Missing) else saturation.results
    for rate in spec.benchmark.reported_rates:
        name = f"{rate:g}/s"
        found = tuple(result for result in results if result.load.kind == "rate" and result.load.asked == rate)
        if not found:
            reason = saturation.reason if isinstance(saturation, Missing) else "GuideLLM's report does not have it"
            yield Check(name=f"{name} measured", verdict=Verdict.INVALID, sentence=f"not measured: {reason}")
            continue
        yield _errors(found, name=name, gates=spec.gates)
        achieved = min(result.achieved_share for result in found)
        saturated = " (saturated: reported, not gated)" if achieved < spec.gates.achieved_load else ""
        yield Check(
            name=f"{name} measured", verdict=Verdict.PASS, sentence=f"{achieved:.0%} of the rate was reached{saturated}"
        )


def _service_levels(measurement: Measurement, *, spec: ModelSpec) -> Iterator[Check]:
    for level in spec.gates.service_levels:
        results = measurement.repeats(level.concurrency)
        if not results:
            continue  # its absence is a failed gate already
        yield from _bounds(level, results=results)


def _bounds(level: ServiceLevel, *, results: tuple[LoadResult, ...]) -> Iterator[Check]:
    """Compare the median repeat with each bound: one hiccup of the network is no broken service level."""
    seen = {
        "ttft_p99_ms": statistics.median(result.ttft_ms.p99 for result in results),
        "itl_p99_ms": statistics.median(result.itl_ms.p99 for result in results),
        "output_tokens_per_second": statistics.median(result.output_tokens_per_second for result in results),
    }
    for name, value in seen.items():
        bound: float | None = getattr(level, name)
        if bound is None:
            continue
        at_least = name == "output_tokens_per_second"
        kept = value >= bound if at_least else value <= bound
        yield Check(
            name=f"{name} at {level.concurrency} in flight",
            verdict=Verdict.PASS if kept else Verdict.REGRESSED,
            sentence=f"{value:.1f} in the median repeat, {'at least' if at_least else 'at most'} {bound:g} wanted",
        )
