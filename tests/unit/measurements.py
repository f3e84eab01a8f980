"""Measurements to judge: made of plain numbers, so that a test says what differs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from deployments import catalog
from deployments.spec import ModelSpec
from flows.check_model.measurement import Hardware, Measurement, Treatment
from flows.check_model.metrics import (
    Answer,
    Benchmarks,
    BenchmarkSetup,
    Distribution,
    Evaluation,
    EvaluationSetup,
    Load,
    LoadResult,
    TaskScore,
    TaskSetup,
)

OVERLAY = Path(__file__).parent.parent.parent / "sandbox" / "models"
QUESTIONS = 100
LIMIT = 100


def spec() -> ModelSpec:
    """The quantized replica's spec: loads of 1 and 4, rates of 1 and 2, margins of 5 points and of a half."""
    return catalog.load("quantized", overlay=OVERLAY)


def score(task: str, *, wrong: Sequence[int] = (0, 1), questions: int = QUESTIONS) -> TaskScore:
    """A task's score, with these questions answered wrong."""
    answers = tuple(
        Answer(question=f"{task}-{index}", choices=4, correct=index not in wrong, correct_normalised=index not in wrong)
        for index in range(questions)
    )
    accuracy = sum(answer.correct for answer in answers) / questions
    return TaskScore(
        task=task,
        asked=questions,
        available=160,
        accuracy=accuracy,
        accuracy_stderr=(accuracy * (1 - accuracy) / (questions - 1)) ** 0.5,
        normalised=accuracy,
        normalised_stderr=0.0,
        answers=answers,
    )


def evaluation(*scores: TaskScore) -> Evaluation:
    """An lm-eval run with these scores, or with two good ones."""
    found = scores or (score("arc_easy"), score("hellaswag"))
    tasks = {
        item.task: TaskSetup(version="1.0", dataset=item.task, shots=0, limit=LIMIT, digest=f"{item.task}-digest")
        for item in found
    }
    setup = EvaluationSetup(
        version="0.4.13", model="m", tokenizer="/mnt/models", concurrency=4, max_length=1024, tasks=tasks
    )
    return Evaluation(setup=setup, scores=found)


def load_result(load: Load, *, time: float = 5.0, errored: int = 0, achieved: float = 1.0) -> LoadResult:
    """A benchmark whose times are all `time` ms, and whose throughput follows from it."""
    same = Distribution(mean=time, p50=time, p90=time, p99=time)
    return LoadResult(
        load=load,
        seconds=10,
        requests_per_second=load.asked * achieved,
        in_flight=load.asked * achieved,
        output_tokens_per_second=1000 / time * load.asked,
        ttft_ms=same,
        itl_ms=same,
        tpot_ms=same,
        latency_seconds=same,
        successful=100,
        errored=errored,
        incomplete=0,
    )


def benchmarks(times: Sequence[float] = (5.0, 5.1, 4.9)) -> Benchmarks:
    """A GuideLLM run at 1 and 4 in flight: one repeat for each time, in milliseconds."""
    results = [load_result(Load(kind="concurrency", asked=streams), time=time) for time in times for streams in (1, 4)]
    return Benchmarks(setup=setup(), results=tuple(results))


def saturation() -> Benchmarks:
    """A GuideLLM run at the reported rates."""
    return Benchmarks(setup=setup(), results=tuple(load_result(Load(kind="rate", asked=rate)) for rate in (1, 2)))


def setup() -> BenchmarkSetup:
    """How GuideLLM was asked."""
    return BenchmarkSetup(
        version="0.8.1",
        model="m",
        endpoint="/v1/chat/completions",
        verifies_tls=True,
        data={"kind": "synthetic_text", "seed": "42"},
        seconds=13,
    )


def measurement(**other: object) -> Measurement:
    """A whole measurement of a good service, with other parts in place of its own."""
    parts: dict[str, object] = {
        "run": "run-1",
        "hardware": Hardware(product="cpu", count=0),
        "treatment": Treatment(
            manifest_sha256="a" * 64, image_digest="sha256:" + "b" * 64, vllm_args=("--dtype=auto",)
        ),
        "evaluation": evaluation(),
        "benchmarks": benchmarks(),
        "saturation": saturation(),
    }
    return Measurement.model_validate(parts | other)
