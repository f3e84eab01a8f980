"""How good a served model must be: the evaluation, the benchmark, and the gates over both."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from deployments.spec.section import Count, Fraction, Positive, Section, Text, problem


class Evaluation(Section):
    """The lm-eval run.

    Attributes:
        tasks: lm-eval task names.
        regression_limit: samples of each task in the nightly run.
        full_limit: samples of each task in a full run; None for all.
    """

    tasks: Annotated[tuple[Text, ...], Field(min_length=1)]
    regression_limit: Count
    full_limit: Count | None = None


class Benchmark(Section):
    """The GuideLLM run.

    Attributes:
        gated_concurrencies: requests in flight, ascending, at which gates apply; the last is the engine's batch size.
        reported_rates: requests per second whose results are reported, not gated: they saturate the engine.
        prompt_tokens: tokens of each prompt.
        output_tokens: tokens of each answer.
        warmup_seconds: a first run whose results are discarded.
        duration_seconds: length of each measured run.
    """

    gated_concurrencies: Annotated[tuple[Count, ...], Field(min_length=1)]
    reported_rates: tuple[Positive, ...] = ()
    prompt_tokens: Count
    output_tokens: Count
    warmup_seconds: Count
    duration_seconds: Count

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        for key, values in (
            ("gated_concurrencies", self.gated_concurrencies),
            ("reported_rates", self.reported_rates),
        ):
            if list(values) != sorted(set(values)):
                raise problem(f"{list(values)} is not ascending without repetition; sort it", key=key)
        return self


class ServiceLevel(Section):
    """What must hold at one concurrency; None is no bound.

    Attributes:
        concurrency: requests in flight.
        ttft_p99_ms: time to first token, 99th percentile, at most.
        itl_p99_ms: inter-token latency, 99th percentile, at most.
        output_tokens_per_second: output tokens of all requests together, at least.
    """

    concurrency: Count
    ttft_p99_ms: Positive | None = None
    itl_p99_ms: Positive | None = None
    output_tokens_per_second: Positive | None = None


class Gates(Section):
    """When a test of a served model fails.

    Attributes:
        accuracy_floors: least accuracy by task, 0 to 1; None is no floor.
        accuracy_margin_stderr: standard errors by which a result may lie under its floor or its baseline and still
            be noise.
        speed_margin: fraction by which a speed may be worse than its baseline.
        errored_requests: fraction of requests that may fail.
        service_levels: bounds by concurrency.
    """

    accuracy_floors: dict[Text, Fraction | None]
    accuracy_margin_stderr: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    speed_margin: Fraction
    errored_requests: Fraction
    service_levels: tuple[ServiceLevel, ...] = ()
