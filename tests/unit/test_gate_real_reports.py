"""The gate on real runs: the same service twice, and its weights with noise."""

from __future__ import annotations

from pathlib import Path

from flows.check_model.benchmark_report import read_benchmarks
from flows.check_model.evaluation_report import read_evaluation
from flows.check_model.gate import Judgement, judge
from flows.check_model.measurement import Measurement
from flows.check_model.metrics import Benchmarks, Evaluation
from flows.check_model.verdicts import Verdict
from tests.unit.measurements import LIMIT, measurement, spec

FOLDER = Path(__file__).parent.parent / "golden" / "reports"


def evaluation(name: str) -> Evaluation:
    """A real lm-eval run."""
    folder = FOLDER / name
    samples = {task: (folder / f"samples_{task}.jsonl").read_bytes() for task in ("arc_easy", "hellaswag")}
    return read_evaluation((folder / "results.json").read_bytes(), samples=samples, report="results.json")


def benchmarks(name: str) -> Benchmarks:
    """A real GuideLLM run."""
    return read_benchmarks((FOLDER / f"{name}.json").read_bytes(), report=name)


def run(name: str, *, accuracy: str = "good", speed: str = "concurrencies") -> Measurement:
    """A measurement of these reports."""
    return measurement(
        run=name, evaluation=evaluation(accuracy), benchmarks=benchmarks(speed), saturation=benchmarks("rates")
    )


def verdicts(judgement: Judgement) -> dict[str, Verdict]:
    """Each primary's verdict."""
    return {check.name: check.verdict for check in judgement.comparisons}


def test_a_good_service_becomes_the_baseline() -> None:
    """The gates could not be passed by any real report."""
    judgement = judge(run("first"), spec=spec(), baseline=None, limit=LIMIT)
    assert (judgement.verdict, judgement.becomes_baseline) == (Verdict.PASS, True)


def test_an_unchanged_service_on_a_busy_machine_is_no_regression() -> None:
    """Somebody would be woken because another process ran; the repeats' spread says that nothing is known."""
    judgement = judge(run("second", speed="concurrencies_again"), spec=spec(), baseline=run("first"), limit=LIMIT)
    assert verdicts(judgement) == {
        "arc_easy accuracy": Verdict.PASS,
        "hellaswag accuracy": Verdict.PASS,
        "tpot_ms at 4 in flight": Verdict.INCONCLUSIVE,
        "output_tokens_per_second at 4 in flight": Verdict.INCONCLUSIVE,
    }


def test_noise_on_the_weights_is_a_regression_of_the_accuracy() -> None:
    """A damaged copy of the model would be served; its own report says 0.61 where 0.92 was."""
    judgement = judge(run("second", accuracy="noisy"), spec=spec(), baseline=run("first"), limit=LIMIT)
    assert verdicts(judgement)["arc_easy accuracy"] is Verdict.REGRESSED
    assert (judgement.verdict, judgement.verdict.state) == (Verdict.REGRESSED, "FAILED")
    assert judgement.sentence.startswith("regressed: arc_easy")


def test_failure_12_a_server_that_died_under_load_is_invalid() -> None:
    """Eleven answers before the end would be published as the speed of the service."""
    died = benchmarks("server_died").results[0]
    whole = benchmarks("concurrencies")
    results = (*whole.results[:-1], died)
    found = run("second").model_copy(update={"benchmarks": whole.model_copy(update={"results": results})})
    judgement = judge(found, spec=spec(), baseline=None, limit=LIMIT)
    assert judgement.verdict is Verdict.INVALID
    assert "2529 of 2540 requests failed" in judgement.sentence
    assert "Server disconnected" in judgement.sentence
