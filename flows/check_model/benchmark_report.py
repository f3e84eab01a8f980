"""GuideLLM's report as speeds by load."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from flows.check_model.errors import EmptyBenchmarkError, ReportError, UnknownReportVersionError
from flows.check_model.metrics import Benchmarks, BenchmarkSetup, Distribution, Load, LoadResult
from flows.check_model.reports import Part, read_json, read_part

TOOL = "GuideLLM"
KNOWN_VERSION = 2
"""`metadata.version`: the schema's own number."""


class _Percentiles(Part):
    p50: float
    p90: float
    p99: float


class _Statistics(Part):
    mean: float
    count: int
    percentiles: _Percentiles


class _Successful(Part):
    """A metric's requests that succeeded; the errored and incomplete ones' figures are no speeds."""

    successful: _Statistics


class _Mean(Part):
    mean: float


class _SuccessfulMean(Part):
    """A rate: only its mean is one; its percentiles are over single instants."""

    successful: _Mean


class _TotalMean(Part):
    total: _Mean


class _Counts(Part):
    successful: int
    errored: int
    incomplete: int


class _Metrics(Part):
    request_totals: _Counts
    requests_per_second: _SuccessfulMean
    request_concurrency: _TotalMean
    output_tokens_per_second: _SuccessfulMean
    request_latency: _Successful
    time_to_first_token_ms: _Successful
    inter_token_latency_ms: _Successful
    time_per_output_token_ms: _Successful


class _SchedulerMetrics(Part):
    requests_made: _Counts


class _Concurrent(Part):
    type_: Literal["concurrent"]
    streams: int


class _Constant(Part):
    type_: Literal["constant"]
    rate: float


class _BenchmarkConfig(Part):
    strategy: _Concurrent | _Constant = Field(discriminator="type_")


class _Warning(Part):
    code: str
    message: str


class _Benchmark(Part):
    config: _BenchmarkConfig
    duration: float
    metrics: _Metrics
    scheduler_metrics: _SchedulerMetrics
    warnings: list[_Warning]


class _Backend(Part):
    kind: Literal["openai_http"]
    model: str
    request_format: str
    # Off unless asked for.
    verify: bool


class _Seed(Part):
    value: int


class _Spec(Part):
    backend: _Backend
    data: list[dict[str, Any]] = Field(min_length=1)
    seed: _Seed
    constraints: list[dict[str, Any]]


class _Config(Part):
    spec: _Spec


class _Metadata(Part):
    guidellm_version: str


class _Report(Part):
    metadata: _Metadata
    config: _Config
    benchmarks: list[dict[str, Any]]


def read_benchmarks(content: bytes, *, report: str) -> Benchmarks:
    """Read one GuideLLM run.

    Args:
        content: content of the JSON output.
        report: its name, for errors.

    Raises:
        UnknownReportVersionError: the schema is another one.
        EmptyBenchmarkError: a benchmark has no request that succeeded.
        ReportError: something is missing, or of another kind.
    """
    raw = read_json(content, tool=TOOL, report=report)
    metadata = raw.get("metadata")
    version = metadata.get("version") if isinstance(metadata, dict) else None
    if version != KNOWN_VERSION:
        raise UnknownReportVersionError(
            tool=TOOL, report=report, place="metadata.version", found=str(version), known=str(KNOWN_VERSION)
        )
    read = read_part(_Report, raw, tool=TOOL, report=report, place="")
    if not read.benchmarks:
        raise ReportError(tool=TOOL, report=report, place="benchmarks", reason="no benchmark was run")
    results = tuple(_result(value, index=index, report=report) for index, value in enumerate(read.benchmarks))
    return Benchmarks(setup=_setup(read), results=results)


def _result(value: Mapping[str, Any], *, index: int, report: str) -> LoadResult:
    place = f"benchmarks[{index}]"
    read = read_part(_Benchmark, value, tool=TOOL, report=report, place=place)
    metrics, made = read.metrics, read.scheduler_metrics.requests_made
    totals = metrics.request_totals
    # The totals count the measured window; an error in the warm-up is an error of the service all the same.
    errored = max(totals.errored, made.errored)
    error = _first_error(value)
    if totals.successful == 0 or read.duration <= 0:
        raise EmptyBenchmarkError(
            report=report, place=place, errored=errored, incomplete=totals.incomplete, first_error=error
        )
    for name in ("request_latency", "time_to_first_token_ms", "inter_token_latency_ms", "time_per_output_token_ms"):
        if getattr(metrics, name).successful.count == 0:
            # GuideLLM writes zeros for a metric that it could not take, for example ITL without streaming.
            reason = "it was taken of no request; its zeros are no measurement"
            raise ReportError(tool=TOOL, report=report, place=f"{place}.metrics.{name}.successful", reason=reason)
    return LoadResult(
        load=_load(read.config.strategy),
        seconds=read.duration,
        requests_per_second=metrics.requests_per_second.successful.mean,
        in_flight=metrics.request_concurrency.total.mean,
        output_tokens_per_second=metrics.output_tokens_per_second.successful.mean,
        ttft_ms=_distribution(metrics.time_to_first_token_ms),
        itl_ms=_distribution(metrics.inter_token_latency_ms),
        tpot_ms=_distribution(metrics.time_per_output_token_ms),
        latency_seconds=_distribution(metrics.request_latency),
        successful=totals.successful,
        errored=errored,
        incomplete=totals.incomplete,
        first_error=error,
        warnings=tuple(" ".join(warning.message.split()) for warning in read.warnings),
    )


def _load(strategy: _Concurrent | _Constant) -> Load:
    if isinstance(strategy, _Concurrent):
        return Load(kind="concurrency", asked=strategy.streams)
    return Load(kind="rate", asked=strategy.rate)


def _distribution(metric: _Successful) -> Distribution:
    statistics = metric.successful
    percentiles = statistics.percentiles
    return Distribution(mean=statistics.mean, p50=percentiles.p50, p90=percentiles.p90, p99=percentiles.p99)


def _first_error(value: Mapping[str, Any]) -> str | None:
    """What the first failed request was told, if the report samples its requests."""
    errored = (value.get("requests") or {}).get("errored") or []
    error = errored[0].get("info", {}).get("error") if errored else None
    return str(error) if error else None


def _setup(read: _Report) -> BenchmarkSetup:
    spec = read.config.spec
    durations = [item["seconds"] for item in spec.constraints if item.get("kind") == "max_duration"]
    described = {key: str(setting) for key, setting in spec.data[0].items() if setting not in (None, [], {})}
    return BenchmarkSetup(
        version=read.metadata.guidellm_version,
        model=spec.backend.model,
        endpoint=spec.backend.request_format,
        verifies_tls=spec.backend.verify,
        data={**described, "seed": str(spec.seed.value)},
        seconds=float(durations[0]) if durations else None,
    )
