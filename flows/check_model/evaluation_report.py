"""lm-eval's results and logged samples as accuracies with their answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import Field

from flows.check_model.errors import ReportError, UnknownReportVersionError
from flows.check_model.metrics import Answer, Evaluation, EvaluationSetup, TaskScore, TaskSetup
from flows.check_model.reports import Part, read_json, read_part

TOOL = "lm-eval"
KNOWN_VERSION = "0.4.13"
"""The results file has no schema version of its own, so the tool's version stands for it."""

_ROUNDING = 1e-9
ValueT = TypeVar("ValueT")


class _Scores(Part):
    accuracy: float = Field(alias="acc,none", ge=0, le=1)
    # lm-eval writes "N/A" where it did not compute an error.
    accuracy_stderr: float | str = Field(alias="acc_stderr,none")


class _NormalisedScores(Part):
    accuracy: float = Field(alias="acc_norm,none", ge=0, le=1)
    accuracy_stderr: float | str = Field(alias="acc_norm_stderr,none")


class _Counts(Part):
    original: int = Field(ge=1)
    effective: int = Field(ge=1)


class _ModelArguments(Part):
    model: str
    # Left out, lm-eval takes the model's name for a tokenizer, asks the Hub for it, and gets 401.
    tokenizer: str | None = None
    num_concurrent: int
    max_length: int


class _Run(Part):
    model_args: _ModelArguments
    limit: float | None


class _TaskConfig(Part):
    dataset_path: str
    dataset_name: str | None = None
    dataset_kwargs: dict[str, Any] | None = None


class _Results(Part):
    results: dict[str, dict[str, Any]] = Field(min_length=1)
    versions: dict[str, float | int | str]
    configs: dict[str, _TaskConfig]
    shots: dict[str, int] = Field(alias="n-shot")
    counts: dict[str, _Counts] = Field(alias="n-samples")
    # Written only with --log_samples, which the paired comparison needs anyway.
    task_hashes: dict[str, str]
    config: _Run


class _Sample(Part):
    doc_hash: str
    arguments: dict[str, Any] = Field(min_length=2)
    acc: float = Field(ge=0, le=1)
    acc_norm: float | None = Field(default=None, ge=0, le=1)


def read_evaluation(results: bytes, *, samples: Mapping[str, bytes], report: str) -> Evaluation:
    """Read one lm-eval run.

    Args:
        results: content of `results_<time>.json`.
        samples: content of `samples_<task>_<time>.jsonl` by task.
        report: the results file's name, for errors.

    Raises:
        UnknownReportVersionError: another version of lm-eval wrote it.
        ReportError: something is missing, or scores and samples contradict each other.
    """
    content = read_json(results, tool=TOOL, report=report)
    version = content.get("lm_eval_version")
    if version != KNOWN_VERSION:
        raise UnknownReportVersionError(
            tool=TOOL, report=report, place="lm_eval_version", found=str(version), known=KNOWN_VERSION
        )
    read = read_part(_Results, content, tool=TOOL, report=report, place="")
    scores = tuple(_score(task, read, samples=samples.get(task), report=report) for task in sorted(read.results))
    arguments = read.config.model_args
    setup = EvaluationSetup(
        version=version,
        model=arguments.model,
        tokenizer=arguments.tokenizer,
        concurrency=arguments.num_concurrent,
        max_length=arguments.max_length,
        tasks={task: _setup(task, read, report=report) for task in sorted(read.results)},
    )
    return Evaluation(setup=setup, scores=scores)


def _score(task: str, read: _Results, *, samples: bytes | None, report: str) -> TaskScore:
    place = f"results.{task}"
    raw = read.results[task]
    plain = read_part(_Scores, raw, tool=TOOL, report=report, place=place)
    normalised = None
    if any(key.startswith("acc_norm") for key in raw):
        normalised = read_part(_NormalisedScores, raw, tool=TOOL, report=report, place=place)
    counts = _entry(read.counts, task, place="n-samples", report=report)
    if samples is None:
        raise ReportError(
            tool=TOOL, report=report, place=place, reason="its samples were not logged; run lm_eval with --log_samples"
        )
    answers = _answers(samples, task=task, report=report)
    score = TaskScore(
        task=task,
        asked=counts.effective,
        available=counts.original,
        accuracy=plain.accuracy,
        accuracy_stderr=_stderr(plain.accuracy_stderr),
        normalised=normalised.accuracy if normalised else None,
        normalised_stderr=_stderr(normalised.accuracy_stderr) if normalised else None,
        answers=answers,
    )
    if contradiction := _contradiction(score):
        raise ReportError(tool=TOOL, report=report, place=place, reason=contradiction)
    return score


def _stderr(value: float | str) -> float | None:
    return None if isinstance(value, str) else value


def _contradiction(score: TaskScore) -> str | None:
    """Say how a score differs from its own answers; a results file beside another run's samples does."""
    answers = score.answers
    if len(answers) != score.asked:
        return f"{score.asked} questions were scored and {len(answers)} samples logged; they are of different runs"
    if len({answer.question for answer in answers}) != len(answers):
        return "a question is logged twice, so answers cannot be paired with another run's"
    right = sum(answer.correct for answer in answers) / len(answers)
    if abs(right - score.accuracy) > _ROUNDING:
        return f"acc is {score.accuracy:g} and the samples give {right:g}; they are of different runs"
    return None


def _answers(samples: bytes, *, task: str, report: str) -> tuple[Answer, ...]:
    file = f"{report} (samples of {task})"
    lines: Sequence[bytes] = samples.splitlines()
    if not lines:
        raise ReportError(tool=TOOL, report=file, place="line 1", reason="no sample was logged")
    answers = []
    for number, line in enumerate(lines, start=1):
        raw = read_json(line, tool=TOOL, report=file)
        sample = read_part(_Sample, raw, tool=TOOL, report=file, place=f"line {number}")
        answers.append(
            Answer(
                question=sample.doc_hash,
                choices=len(sample.arguments),
                correct=sample.acc == 1,
                correct_normalised=None if sample.acc_norm is None else sample.acc_norm == 1,
            )
        )
    return tuple(answers)


def _setup(task: str, read: _Results, *, report: str) -> TaskSetup:
    config = _entry(read.configs, task, place="configs", report=report)
    revision = (config.dataset_kwargs or {}).get("revision")
    dataset = "/".join(part for part in (config.dataset_path, config.dataset_name) if part)
    return TaskSetup(
        version=str(_entry(read.versions, task, place="versions", report=report)),
        dataset=f"{dataset}@{revision}" if revision else dataset,
        shots=_entry(read.shots, task, place="n-shot", report=report),
        limit=None if read.config.limit is None else int(read.config.limit),
        digest=_entry(read.task_hashes, task, place="task_hashes", report=report),
    )


def _entry(values: Mapping[str, ValueT], task: str, *, place: str, report: str) -> ValueT:
    if task not in values:
        raise ReportError(tool=TOOL, report=report, place=f"{place}.{task}", reason="it is missing")
    return values[task]
