"""The verdict on one test: absolute gates, then the comparison with the baseline."""

from __future__ import annotations

from deployments.spec import ModelSpec
from flows.check_model.checks import Check, absolute_checks
from flows.check_model.measurement import Measurement, treatment_changes
from flows.check_model.metrics import Fact
from flows.check_model.noise import too_noisy
from flows.check_model.regression import Comparison, compare
from flows.check_model.verdicts import Verdict, gravest


class Judgement(Fact):
    """What a test found, ready to be published.

    Attributes:
        verdict: the gravest of all checks.
        sentence: the verdict in one sentence.
        absolute: the gates that need no baseline.
        comparisons: each primary against the baseline; empty in a first run.
        treatments: what was done to the service since the baseline, by name.
        baseline: the run that it was compared with; None in a first run.
        becomes_baseline: this is the first run and it passed; later ones never replace the baseline by themselves.
        may_become_baseline: an operator may make it the baseline: everything was measured, and no limit is broken.
        noise: the speeds of the baseline, or of the run that becomes it, in which noise would hide a regression.
    """

    verdict: Verdict
    sentence: str
    absolute: tuple[Check, ...]
    comparisons: tuple[Comparison | Check, ...]
    treatments: dict[str, str]
    baseline: str | None
    becomes_baseline: bool
    may_become_baseline: bool
    noise: tuple[str, ...] = ()


def judge(
    measurement: Measurement, *, spec: ModelSpec, baseline: Measurement | None, limit: int | None = None
) -> Judgement:
    """Give the verdict on a test.

    Args:
        measurement: what was measured; what is missing is a failed gate.
        spec: the model's spec, with its gates.
        baseline: the run to compare with; None makes this the first run.
        limit: questions of each task that were asked for; None for all.
    """
    absolute = absolute_checks(measurement, spec=spec, limit=limit)
    comparisons = () if baseline is None else compare(measurement, baseline=baseline, gates=spec.gates)
    checks = (*absolute, *comparisons)
    verdict = gravest(check.verdict for check in checks)
    alone = gravest(check.verdict for check in absolute)
    noise = too_noisy(measurement if baseline is None else baseline, gates=spec.gates)
    return Judgement(
        verdict=verdict,
        sentence=_sentence(verdict, checks=checks, baseline=baseline, noise=noise),
        absolute=absolute,
        comparisons=comparisons,
        treatments={} if baseline is None else treatment_changes(baseline.treatment, measurement.treatment),
        baseline=None if baseline is None else baseline.run,
        becomes_baseline=baseline is None and verdict is Verdict.PASS,
        may_become_baseline=alone not in (Verdict.INVALID, Verdict.REGRESSED),
        noise=noise,
    )


def _sentence(
    verdict: Verdict, *, checks: tuple[Check, ...], baseline: Measurement | None, noise: tuple[str, ...]
) -> str:
    if verdict is Verdict.PASS:
        first = "no baseline yet: judged by its limits alone"
        if noise:
            first += f"; it becomes a NOISY baseline: {'; '.join(noise)}"
        return f"{verdict}: {len(checks)} gates, {first if baseline is None else f'as good as {baseline.run}'}"
    decisive = [check for check in checks if check.verdict is verdict]
    more = f", and {len(decisive) - 1} more" if len(decisive) > 1 else ""
    return f"{verdict}: {decisive[0].name}: {decisive[0].sentence}{more}"
