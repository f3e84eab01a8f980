"""The verdict: what passes, what regressed, what cannot be compared, and that nothing missing ever passes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.check_model.gate import Judgement, judge
from flows.check_model.measurement import Hardware, Measurement, Missing, Treatment
from flows.check_model.metrics import Benchmarks, Load
from flows.check_model.regression import Comparison
from flows.check_model.verdicts import Verdict, gravest
from tests.unit.measurements import (
    LIMIT,
    benchmarks,
    evaluation,
    load_result,
    measurement,
    saturation,
    score,
    setup,
    spec,
)

SPEC = spec()
GOOD = measurement()
MISSING = Missing(reason="the Job was evicted")


def verdict_of(found: Measurement, *, baseline: Measurement | None = GOOD) -> Judgement:
    """Judge a measurement against a good baseline, or against none."""
    return judge(found, spec=SPEC, baseline=baseline, limit=LIMIT)


def comparison(judgement: Judgement, name: str) -> Comparison:
    """One primary's comparison."""
    found = next(check for check in judgement.comparisons if check.name == name)
    assert isinstance(found, Comparison)
    return found


def test_an_unchanged_service_passes() -> None:
    """Every night would be an alarm."""
    judgement = verdict_of(measurement(run="run-2"))
    assert (judgement.verdict, judgement.becomes_baseline) == (Verdict.PASS, False)


def test_the_first_run_that_passes_becomes_the_baseline() -> None:
    """Without one, nothing would ever be compared."""
    judgement = verdict_of(GOOD, baseline=None)
    assert (judgement.verdict, judgement.becomes_baseline, judgement.comparisons) == (Verdict.PASS, True, ())


def test_a_first_run_below_its_floor_is_no_baseline() -> None:
    """A broken service would be the measure of all later ones."""
    judgement = verdict_of(
        measurement(evaluation=evaluation(score("arc_easy", wrong=range(40)), score("hellaswag"))), baseline=None
    )
    assert judgement.verdict is Verdict.REGRESSED
    assert not judgement.becomes_baseline
    assert not judgement.may_become_baseline


def test_a_score_just_below_its_floor_is_inconclusive() -> None:
    """The floor of 0.87 would fail a model of 0.88 every third night."""
    found = measurement(evaluation=evaluation(score("arc_easy", wrong=range(15)), score("hellaswag")))
    assert verdict_of(found, baseline=None).verdict is Verdict.INCONCLUSIVE


def test_lost_answers_are_a_regression_of_that_task() -> None:
    """Damaged weights would be served until a user complains."""
    judgement = verdict_of(measurement(evaluation=evaluation(score("arc_easy", wrong=range(11)), score("hellaswag"))))
    assert judgement.verdict is Verdict.REGRESSED
    assert "arc_easy accuracy" in judgement.sentence
    assert comparison(judgement, "hellaswag accuracy").verdict is Verdict.PASS


def test_two_lost_answers_are_no_regression() -> None:
    """Rounding in another batch order flips an answer now and then."""
    judgement = verdict_of(
        measurement(evaluation=evaluation(score("arc_easy", wrong=(0, 1, 2, 3)), score("hellaswag")))
    )
    assert comparison(judgement, "arc_easy accuracy").verdict in (Verdict.PASS, Verdict.INCONCLUSIVE)


def test_gained_answers_are_an_improvement() -> None:
    """A better quantization would look like no news."""
    before = measurement(evaluation=evaluation(score("arc_easy", wrong=range(12)), score("hellaswag")))
    judgement = verdict_of(
        measurement(evaluation=evaluation(score("arc_easy", wrong=()), score("hellaswag"))), baseline=before
    )
    assert judgement.verdict is Verdict.IMPROVED
    assert judgement.verdict.state == "COMPLETED"


def test_a_slower_server_is_a_regression_of_its_speeds() -> None:
    """Half the speed would cost twice the GPUs before anybody looks."""
    judgement = verdict_of(measurement(benchmarks=benchmarks((10.0, 10.2, 9.8))))
    assert judgement.verdict is Verdict.REGRESSED
    assert {check.name for check in judgement.comparisons if check.verdict is Verdict.REGRESSED} == {
        "tpot_ms at 4 in flight",
        "output_tokens_per_second at 4 in flight",
    }


def test_a_faster_server_is_an_improvement() -> None:
    """Throughput is better when it is more, and time when it is less."""
    judgement = verdict_of(measurement(benchmarks=benchmarks((2.5, 2.55, 2.45))))
    assert judgement.verdict is Verdict.IMPROVED


def test_noisy_repeats_are_inconclusive_and_say_what_they_could_see() -> None:
    """A pass would be given by a benchmark that could not have failed."""
    judgement = verdict_of(measurement(benchmarks=benchmarks((3.0, 9.0, 5.0))))
    found = comparison(judgement, "tpot_ms at 4 in flight")
    assert (judgement.verdict, found.verdict) == (Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE)
    assert found.detectable > 1
    assert "would have been seen" in found.sentence


def test_other_hardware_is_not_comparable() -> None:
    """A node of another type would look like a regression of the model."""
    judgement = verdict_of(measurement(hardware=Hardware(product="NVIDIA-L4", count=1)))
    assert judgement.verdict is Verdict.NOT_COMPARABLE
    assert "gpu.product is NVIDIA-L4, in the baseline cpu" in judgement.sentence
    assert judgement.may_become_baseline


def test_other_questions_are_not_comparable_but_speeds_are() -> None:
    """A new data set would be taken for a worse model; and it is no reason to miss a slower server."""
    other = evaluation(score("arc_easy", questions=90), score("hellaswag"))
    arc = other.setup.tasks["arc_easy"].model_copy(update={"digest": "other"})
    changed = other.model_copy(
        update={"setup": other.setup.model_copy(update={"tasks": other.setup.tasks | {"arc_easy": arc}})}
    )
    before = measurement(evaluation=changed)
    judgement = verdict_of(measurement(benchmarks=benchmarks((10.0, 10.2, 9.8))), baseline=before)
    verdicts = {check.name: check.verdict for check in judgement.comparisons}
    assert verdicts["arc_easy accuracy"] is Verdict.NOT_COMPARABLE
    assert verdicts["tpot_ms at 4 in flight"] is Verdict.REGRESSED
    assert judgement.verdict is Verdict.REGRESSED


def test_another_tool_version_is_not_comparable() -> None:
    """A change of GuideLLM's own clock would be blamed on the service."""
    other = Benchmarks(setup=setup().model_copy(update={"version": "0.9.0"}), results=benchmarks().results)
    assert verdict_of(GOOD, baseline=measurement(benchmarks=other)).verdict is Verdict.NOT_COMPARABLE


def test_treatments_may_differ_and_are_named() -> None:
    """The reader of a regression would not know what had been changed."""
    treatment = Treatment(manifest_sha256="a" * 64, image_digest="sha256:" + "c" * 64, vllm_args=("--dtype=half",))
    judgement = verdict_of(measurement(treatment=treatment))
    assert judgement.verdict is Verdict.PASS
    assert judgement.treatments == {
        "image_digest": f"sha256:{'b' * 64} → sha256:{'c' * 64}",
        "vllm_args": "--dtype=auto → --dtype=half",
    }


def test_failure_11_a_failed_benchmark_keeps_the_evaluation() -> None:
    """A failed benchmark skipped the results of the evaluation that had succeeded."""
    judgement = verdict_of(measurement(benchmarks=MISSING))
    assert judgement.verdict is Verdict.INVALID
    assert "the Job was evicted" in judgement.sentence
    assert comparison(judgement, "arc_easy accuracy").verdict is Verdict.PASS


def test_failure_12_a_third_of_failed_requests_is_invalid() -> None:
    """1,895 failed requests left the figures of those few that were answered, and a green task."""
    results = (*benchmarks().results[:-1], load_result(Load(kind="concurrency", asked=4), errored=43))
    judgement = verdict_of(measurement(benchmarks=Benchmarks(setup=setup(), results=results)))
    assert judgement.verdict is Verdict.INVALID
    assert "43 of 143 requests failed" in judgement.sentence


def test_failure_12_failed_requests_at_a_reported_rate_are_invalid_too() -> None:
    """Saturation excuses slowness, not lost requests."""
    results = (load_result(Load(kind="rate", asked=1)), load_result(Load(kind="rate", asked=2), errored=1895))
    judgement = verdict_of(measurement(saturation=Benchmarks(setup=setup(), results=results)))
    assert judgement.verdict is Verdict.INVALID


def test_a_saturated_rate_is_reported_and_passes() -> None:
    """The old rates ask for eight times of what an L4 can do; they would fail every night."""
    results = tuple(load_result(Load(kind="rate", asked=rate), achieved=0.1) for rate in (1, 2))
    judgement = verdict_of(measurement(saturation=Benchmarks(setup=setup(), results=results)))
    assert judgement.verdict is Verdict.PASS
    assert any("saturated" in check.sentence for check in judgement.absolute)


def test_a_client_that_is_too_slow_is_invalid() -> None:
    """The speed at 4 in flight would be one at 1 in flight."""
    results = (*benchmarks().results[:-1], load_result(Load(kind="concurrency", asked=4), achieved=0.2))
    judgement = verdict_of(measurement(benchmarks=Benchmarks(setup=setup(), results=results)))
    assert judgement.verdict is Verdict.INVALID


@pytest.mark.parametrize("wrong", [range(75), range(65), range(100)])
def test_chance_is_invalid_even_without_a_floor(wrong: range) -> None:
    """A server that omits prompt logprobs scores exactly chance, silently."""
    gates = SPEC.gates.model_copy(update={"accuracy_floors": {}})
    found = measurement(evaluation=evaluation(score("arc_easy", wrong=wrong), score("hellaswag")))
    judgement = judge(found, spec=SPEC.model_copy(update={"gates": gates}), baseline=None, limit=LIMIT)
    assert judgement.verdict is Verdict.INVALID
    assert "guessing gives 0.250" in judgement.sentence


def test_fewer_questions_than_asked_are_invalid() -> None:
    """A run that was cut short would be judged as a whole one."""
    found = measurement(evaluation=evaluation(score("arc_easy", questions=60), score("hellaswag")))
    assert verdict_of(found, baseline=None).verdict is Verdict.INVALID


def test_a_broken_service_level_is_a_regression_without_any_baseline() -> None:
    """The bound of the spec would be decoration."""
    level = SPEC.gates.service_levels[1].model_copy(update={"ttft_p99_ms": 4.0})
    gates = SPEC.gates.model_copy(update={"service_levels": (level,)})
    judgement = judge(GOOD, spec=SPEC.model_copy(update={"gates": gates}), baseline=None, limit=LIMIT)
    assert judgement.verdict is Verdict.REGRESSED
    assert "ttft_p99_ms at 4 in flight: 5.0 in the median repeat, at most 4 wanted" in judgement.sentence


def test_no_floor_is_shown_as_such() -> None:
    """A reader would believe that a floor was kept."""
    gates = SPEC.gates.model_copy(update={"accuracy_floors": {"arc_easy": None}})
    judgement = judge(GOOD, spec=SPEC.model_copy(update={"gates": gates}), baseline=None, limit=LIMIT)
    assert [check.sentence for check in judgement.absolute if check.name == "arc_easy floor"] == [
        "no floor; accuracy 0.980"
    ]


@pytest.mark.parametrize(
    ("verdict", "state", "name"),
    [
        (Verdict.PASS, "COMPLETED", "Completed"),
        (Verdict.IMPROVED, "COMPLETED", "Improved"),
        (Verdict.INCONCLUSIVE, "COMPLETED", "Inconclusive"),
        (Verdict.NOT_COMPARABLE, "COMPLETED", "NotComparable"),
        (Verdict.REGRESSED, "FAILED", "Regressed"),
        (Verdict.INVALID, "FAILED", "Invalid"),
    ],
)
def test_each_verdict_has_its_state(verdict: Verdict, state: str, name: str) -> None:
    """An alarm would hang on a state that never comes."""
    assert (verdict.state, verdict.state_name) == (state, name)


def test_nothing_checked_is_invalid() -> None:
    """A run of "0 metrics" was green."""
    assert gravest([]) is Verdict.INVALID


@settings(deadline=None, max_examples=40)
@given(st.sets(st.sampled_from(["arc_easy", "hellaswag", "1", "4", "rate 1", "rate 2"]), min_size=1), st.booleans())
def test_whatever_is_missing_the_run_does_not_pass(lost: set[str], compared: bool) -> None:
    """What was not measured would be taken for good."""
    scores = [score(task) for task in ("arc_easy", "hellaswag") if task not in lost]
    runs = [result for result in benchmarks().results if f"{result.load.asked:g}" not in lost]
    rates = [result for result in saturation().results if f"rate {result.load.asked:g}" not in lost]
    found = measurement(
        evaluation=evaluation(*scores) if scores else MISSING,
        benchmarks=Benchmarks(setup=setup(), results=tuple(runs)),
        saturation=Benchmarks(setup=setup(), results=tuple(rates)) if rates else MISSING,
    )
    judgement = verdict_of(found, baseline=GOOD if compared else None)
    assert judgement.verdict is Verdict.INVALID
    assert not judgement.becomes_baseline
    assert not judgement.may_become_baseline


@settings(deadline=None, max_examples=40)
@given(st.permutations(range(6)))
def test_the_order_of_repeats_does_not_matter(order: list[int]) -> None:
    """A verdict that depends on which repeat came first would be no verdict."""
    results = benchmarks((5.0, 5.6, 5.3)).results
    shuffled = Benchmarks(setup=setup(), results=tuple(sorted((results[i] for i in order), key=lambda r: r.load.asked)))
    verdicts = [check.verdict for check in verdict_of(measurement(benchmarks=shuffled)).comparisons]
    plain = Benchmarks(setup=setup(), results=tuple(sorted(results, key=lambda r: r.load.asked)))
    assert verdicts == [check.verdict for check in verdict_of(measurement(benchmarks=plain)).comparisons]


SEVERITY = [Verdict.IMPROVED, Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.REGRESSED]


@settings(deadline=None, max_examples=40)
@given(st.floats(0.3, 3.0), st.floats(1.0, 3.0))
def test_a_slower_service_is_never_judged_better(slowdown: float, further: float) -> None:
    """A service could escape an alarm by becoming worse still."""

    def judged(factor: float) -> int:
        found = measurement(benchmarks=benchmarks([time * factor for time in (5.0, 5.1, 4.9)]))
        return SEVERITY.index(comparison(verdict_of(found), "tpot_ms at 4 in flight").verdict)

    assert judged(slowdown) <= judged(slowdown * further)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 40), st.integers(0, 40))
def test_losing_more_answers_is_never_judged_better(lost: int, further: int) -> None:
    """A model could escape an alarm by answering worse still."""

    def judged(wrong: int) -> int:
        found = measurement(evaluation=evaluation(score("arc_easy", wrong=range(wrong)), score("hellaswag")))
        return SEVERITY.index(comparison(verdict_of(found), "arc_easy accuracy").verdict)

    assert judged(2 + lost) <= judged(2 + lost + further)


def test_a_judgement_survives_being_written_and_read_back() -> None:
    """`result.json` would not say what was found."""
    judgement = verdict_of(measurement(run="run-2"))
    assert Judgement.model_validate_json(judgement.model_dump_json()) == judgement
