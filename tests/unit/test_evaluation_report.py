"""lm-eval's reports: what is taken of a real one, and that nothing is taken of a broken one."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.check_model.errors import ReportError, UnknownReportVersionError
from flows.check_model.evaluation_report import read_evaluation
from flows.check_model.metrics import Evaluation

FOLDER = Path(__file__).parent.parent / "golden" / "reports" / "good"
TASKS = ("arc_easy", "hellaswag")


def samples() -> dict[str, bytes]:
    """The logged samples of the real run, by task."""
    return {task: (FOLDER / f"samples_{task}.jsonl").read_bytes() for task in TASKS}


def changed(change: Callable[[dict[str, Any]], object]) -> bytes:
    """The real results after a change."""
    results = json.loads((FOLDER / "results.json").read_bytes())
    change(results)
    return json.dumps(results).encode()


def read(results: bytes | None = None, **other: bytes) -> Evaluation:
    """Read the real run, or other results and samples in its place."""
    return read_evaluation(
        results or (FOLDER / "results.json").read_bytes(), samples={**samples(), **other}, report="results.json"
    )


def test_scores_are_those_of_the_report() -> None:
    """The registry would show other accuracies than lm-eval's own table."""
    shown = {
        score.task: (score.accuracy, score.accuracy_stderr, score.normalised, score.asked, score.available)
        for score in read().scores
    }
    assert shown == {
        "arc_easy": (0.92, 0.027265992434429093, 0.9, 100, 160),
        "hellaswag": (0.95, 0.021904291355759026, 0.95, 100, 160),
    }


def test_answers_add_up_to_the_scores() -> None:
    """McNemar's test would be about other answers than the accuracy."""
    for score in read().scores:
        assert math.isclose(sum(answer.correct for answer in score.answers) / 100, score.accuracy)
        assert score.normalised is not None
        assert math.isclose(sum(bool(answer.correct_normalised) for answer in score.answers) / 100, score.normalised)


def test_chance_comes_from_the_number_of_choices() -> None:
    """The chance guard would compare with a wrong score of guessing: ARC has questions with three and five choices."""
    lines = samples()["arc_easy"].splitlines()
    first = json.loads(lines[0])
    first["arguments"].popitem()
    score = read(arc_easy=b"\n".join([json.dumps(first).encode(), *lines[1:]])).scores[0]
    assert score.chance == pytest.approx((99 / 4 + 1 / 3) / 100)


def test_failure_11_the_tokenizer_and_the_concurrency_of_the_run_are_known() -> None:
    """The service's name was taken for a tokenizer, and requests went one by one, without a trace in the results."""
    setup = read().setup
    assert (setup.tokenizer, setup.concurrency, setup.max_length) == ("/mnt/models", 4, 1024)


def test_what_fixes_the_questions_is_known() -> None:
    """Runs over other questions would be compared with each other."""
    setup = read().setup.tasks["arc_easy"]
    assert (setup.version, setup.dataset, setup.shots, setup.limit) == ("1.0", "allenai/ai2_arc/ARC-Easy", 0, 100)
    assert len(setup.digest) == 64


def test_a_pinned_revision_is_part_of_the_data_set() -> None:
    """A data set that moved would look like the same one."""
    results = changed(
        lambda report: report["configs"]["arc_easy"].update(dataset_kwargs={"revision": "210d026faf9955653af8"})
    )
    assert read(results).setup.tasks["arc_easy"].dataset == "allenai/ai2_arc/ARC-Easy@210d026faf9955653af8"


def test_another_version_is_refused() -> None:
    """Keys that moved in a new version of lm-eval would be missed or misread."""
    with pytest.raises(UnknownReportVersionError, match=r"version 0\.5\.0, and only 0\.4\.13 is known"):
        read(changed(lambda report: report.update(lm_eval_version="0.5.0")))


@pytest.mark.parametrize("key", ["acc,none", "acc_stderr,none", "acc_norm,none"])
def test_a_score_that_is_missing_is_no_zero(key: str) -> None:
    """A renamed key would be published as an accuracy of 0, or as none at all."""
    with pytest.raises(ReportError, match=rf"results\.arc_easy\.{key}: Field required"):
        read(changed(lambda report: report["results"]["arc_easy"].pop(key)))


@pytest.mark.parametrize("value", ["0.9", None, math.nan, 92])
def test_a_score_of_another_kind_is_refused(value: object) -> None:
    """A percentage, a text or nothing would be compared with shares."""
    with pytest.raises(ReportError, match=r"results\.arc_easy\.acc,none"):
        read(changed(lambda report: report["results"]["arc_easy"].update({"acc,none": value})))


def test_an_error_that_was_not_computed_is_none() -> None:
    """lm-eval writes N/A for a single question; that must not stop a small trial run."""
    report = changed(lambda report: report["results"]["arc_easy"].update({"acc_stderr,none": "N/A"}))
    assert read(report).scores[0].accuracy_stderr is None


@pytest.mark.parametrize("place", ["versions", "configs", "n-shot", "n-samples", "task_hashes"])
def test_a_task_without_its_setup_is_refused(place: str) -> None:
    """Conditions would be taken for equal because both are unknown."""
    with pytest.raises(ReportError, match=rf"{place}\.arc_easy"):
        read(changed(lambda report: report[place].pop("arc_easy")))


def test_no_task_is_refused() -> None:
    """An evaluation of nothing would be an evaluation without a bad score."""
    with pytest.raises(ReportError, match="results"):
        read(changed(lambda report: report.update(results={})))


@pytest.mark.parametrize("content", [b"", b'{"results": {', b"[]", b"null", b"\xff\xfe"])
def test_half_a_file_is_refused(content: bytes) -> None:
    """A tool that was killed would leave a file that passes for a report."""
    with pytest.raises(ReportError, match="No metric was taken from it"):
        read_evaluation(content, samples=samples(), report="results.json")


def test_samples_that_were_not_logged_are_asked_for() -> None:
    """Without answers nothing could be paired, and the gate would find out at night."""
    with pytest.raises(ReportError, match="--log_samples"):
        read_evaluation(
            (FOLDER / "results.json").read_bytes(),
            samples={"arc_easy": samples()["arc_easy"]},
            report="results.json",
        )


def test_samples_of_another_run_are_noticed() -> None:
    """Answers of an earlier run in the same folder would be compared instead of this one's."""
    first, *rest = samples()["arc_easy"].splitlines()
    sample = json.loads(first)
    sample["acc"] = 1 - sample["acc"]
    with pytest.raises(ReportError, match="different runs"):
        read(arc_easy=b"\n".join([json.dumps(sample).encode(), *rest]))


def test_samples_that_were_cut_off_are_noticed() -> None:
    """A full disk would shorten the comparison without a word."""
    with pytest.raises(ReportError, match="99 samples logged"):
        read(arc_easy=b"\n".join(samples()["arc_easy"].splitlines()[:-1]))


def test_a_question_that_is_logged_twice_is_noticed() -> None:
    """Answers could not be paired by their question."""
    lines = samples()["arc_easy"].splitlines()
    with pytest.raises(ReportError, match="logged twice"):
        read(arc_easy=b"\n".join([lines[1], *lines[1:]]))


def test_an_evaluation_survives_being_written_and_read_back() -> None:
    """The baseline comes from storage; if it came back changed, every night would be a regression."""
    evaluation = read()
    assert Evaluation.model_validate_json(evaluation.model_dump_json()) == evaluation
