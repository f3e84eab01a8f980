"""What the registry is told of a test: a property for each metric and load, the verdict, and where it all lies: pure.

Benchmark numbers once never reached the registry: the parser found none, said "0 metrics" and was green. What the spec
asks for and a run does not have is therefore written, as `NOT_MEASURED`: last night's number must not stay there.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence

from blocks.registry_entries import Property
from deployments.spec import ModelSpec
from flows.check_model.archive import BASELINE_PROPERTY, LATEST_PROPERTY
from flows.check_model.measurement import Measurement, Missing
from flows.check_model.metrics import LoadResult
from flows.check_model.record import CheckRecord

NOT_MEASURED = "not measured"
_LATENCIES = ("ttft_ms", "itl_ms", "tpot_ms", "latency_seconds")
_ACCURACIES = ("accuracy", "accuracy_stderr", "normalised_accuracy", "normalised_accuracy_stderr", "questions")
_SPEEDS = (
    "requests_per_second",
    "output_tokens_per_second",
    *(f"{name}_{part}" for name in _LATENCIES for part in ("mean", "p99")),
    "errored_requests",
    "repeats",
)


def result_properties(record: CheckRecord, *, spec: ModelSpec, uri: str) -> dict[str, Property]:
    """Describe a test for the registry's version.

    Args:
        record: the test.
        spec: the model; its tasks and loads are the ones that are written.
        uri: where the record and the raw reports are.
    """
    subject, judgement = record.subject, record.judgement
    known: dict[str, Property] = {
        LATEST_PROPERTY: subject.run,
        "test_flow_run_url": subject.run_url,
        "test_verdict": judgement.verdict.value,
        "test_sentence": judgement.sentence,
        "test_finished": record.finished,
        "test_artifact_uri": uri,
        "test_manifest_sha256": subject.treatment.manifest_sha256,
        "test_namespace": subject.namespace,
        "test_inference_service": subject.service,
        "test_inference_service_revision": subject.revision,
    }
    if judgement.becomes_baseline:
        known[BASELINE_PROPERTY] = subject.run
    return known | dict(metric_properties(record.measurement, spec=spec))


def metric_properties(measurement: Measurement, *, spec: ModelSpec) -> Iterator[tuple[str, Property]]:
    """Name every metric: `eval_arc_easy_accuracy`, `bench_c4_ttft_ms_p99`, `bench_r2_requests_per_second`.

    Of several repeats, the value is the lower median: a number of one of GuideLLM's own reports, not a made one.
    """
    for task in spec.evaluation.tasks:
        score = measurement.score(task)
        values: list[Property | None] = [None] * len(_ACCURACIES)
        if score is not None:
            values = [score.accuracy, score.accuracy_stderr, score.normalised, score.normalised_stderr, score.asked]
        yield from _named(f"eval_{task}", _ACCURACIES, values)
    for concurrency in spec.benchmark.gated_concurrencies:
        yield from _named(f"bench_c{concurrency}", _SPEEDS, _speeds(measurement.repeats(concurrency)))
    found = () if isinstance(measurement.saturation, Missing) else measurement.saturation.results
    for rate in spec.benchmark.reported_rates:
        results = tuple(result for result in found if result.load.kind == "rate" and result.load.asked == rate)
        yield from _named(f"bench_r{f'{rate:g}'.replace('.', '_')}", _SPEEDS, _speeds(results))


def _named(prefix: str, names: Sequence[str], values: Sequence[Property | None]) -> Iterator[tuple[str, Property]]:
    for name, value in zip(names, values, strict=True):
        yield f"{prefix}_{name}", NOT_MEASURED if value is None else value


def _speeds(results: Sequence[LoadResult]) -> list[Property | None]:
    if not results:
        return [None] * len(_SPEEDS)
    latencies = [
        statistics.median_low(getattr(getattr(result, name), part) for result in results)
        for name in _LATENCIES
        for part in ("mean", "p99")
    ]
    return [
        statistics.median_low(result.requests_per_second for result in results),
        statistics.median_low(result.output_tokens_per_second for result in results),
        *latencies,
        sum(result.errored for result in results),
        len(results),
    ]
