"""Whether a run is quiet enough to be a baseline, and how people are told if it is not."""

from __future__ import annotations

import pytest

from deployments.spec import SpeedPrimary
from flows.check_model.errors import NoisyBaselineError
from flows.check_model.gate import Judgement, judge
from flows.check_model.measurement import Measurement, Missing
from flows.check_model.noise import too_noisy
from flows.check_model.report import markdown
from flows.check_model.verdicts import Verdict
from tests.unit.measurements import LIMIT, benchmarks, measurement, spec
from tests.unit.records import record

SPEC = spec()
SPEEDS = [primary.name for primary in SPEC.gates.primaries if isinstance(primary, SpeedPrimary)]
NOISY = measurement(benchmarks=benchmarks((4.0, 5.0, 7.0)))
"""Repeats whose mean is known to 100% only, where the margin is 50%."""


def first(found: Measurement = NOISY) -> Judgement:
    """Judge a measurement that has no baseline."""
    return judge(found, spec=SPEC, baseline=None, limit=LIMIT)


def test_a_quiet_run_is_a_good_baseline() -> None:
    """Every baseline would be warned of, and nobody would read it."""
    assert too_noisy(measurement(), gates=SPEC.gates) == ()
    assert "NOISY" not in first(measurement()).sentence


def test_repeats_that_scatter_as_far_as_the_margin_are_named_with_both() -> None:
    """The gates would call every later night inconclusive, and nobody would know why."""
    told = too_noisy(NOISY, gates=SPEC.gates)
    assert [sentence.partition(" is known to within ")[0] for sentence in told] == SPEEDS
    assert all(sentence.endswith("% only, where 50% would matter") for sentence in told)


def test_a_wider_margin_makes_the_same_run_quiet_enough() -> None:
    """An operator of a machine that is never quiet could have no baseline at all."""
    primaries = tuple(primary.model_copy(update={"margin": 1.5}) for primary in SPEC.gates.primaries)
    assert too_noisy(NOISY, gates=SPEC.gates.model_copy(update={"primaries": primaries})) == ()


@pytest.mark.parametrize("times", [(5.0, 9.0), ()], ids=["two repeats", "none"])
def test_what_was_not_measured_is_not_called_noisy(times: tuple[float, ...]) -> None:
    """The reader would look for noise where a tool was killed."""
    gone = benchmarks(times) if times else Missing(reason="the Job was evicted")
    assert too_noisy(measurement(benchmarks=gone), gates=SPEC.gates) == ()


def test_a_noisy_first_run_becomes_the_baseline_and_its_verdict_says_so() -> None:
    """Whoever reads "pass" would believe that speeds are guarded from now on."""
    judgement = first()
    assert (judgement.verdict, judgement.becomes_baseline) == (Verdict.PASS, True)
    assert f"it becomes a NOISY baseline: {judgement.noise[0]}" in judgement.sentence


def test_every_report_warns_of_a_noisy_baseline_with_the_command() -> None:
    """The warning of the first night would be forgotten on the tenth."""
    command = "`python -m flows.check_model baseline quantized --run <flow run id>`"
    later = judge(measurement(run="run-2"), spec=SPEC, baseline=NOISY, limit=LIMIT)
    for judgement in (first(), later):
        page = markdown(record(judgement=judgement), uri="s3://b/p/", pictures={})
        assert "> **The baseline is noisy**: " in page
        assert command in page


def test_a_run_that_did_not_become_the_baseline_is_not_called_one() -> None:
    """A warning would point at a baseline that does not exist."""
    broken = first(measurement(benchmarks=NOISY.benchmarks, saturation=Missing(reason="the Job was evicted")))
    page = markdown(record(judgement=broken), uri="s3://b/p/", pictures={})
    assert not broken.becomes_baseline
    assert "noisy" not in page


def test_a_refused_baseline_says_what_to_do() -> None:
    """An operator would be told no, and not what would be accepted."""
    told = str(NoisyBaselineError(run="r", model="quantized", noise=["a is known to 80% only"]))
    assert "run r is too noisy to be a baseline: a is known to 80% only. The baseline stays." in told
    assert "prefect deployment run test/quantized --watch" in told
    assert told.endswith("python -m flows.check_model baseline quantized --run r --noisy")


def test_a_judgement_of_an_older_version_can_still_be_read() -> None:
    """Every baseline in the bucket would have to be measured again."""
    written = first().model_dump()
    del written["noise"]
    assert Judgement.model_validate(written).noise == ()
