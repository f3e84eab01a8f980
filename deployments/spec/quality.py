"""How good a served model must be: the evaluation, the benchmark, and the gates over both."""

from __future__ import annotations

from typing import Annotated, Literal, Self

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
        repeats: measured runs at each gated concurrency; two have no interval worth the name.
    """

    gated_concurrencies: Annotated[tuple[Count, ...], Field(min_length=1)]
    reported_rates: tuple[Positive, ...] = ()
    prompt_tokens: Count
    output_tokens: Count
    warmup_seconds: Count
    duration_seconds: Count
    repeats: Annotated[int, Field(ge=3)]

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


class AccuracyPrimary(Section):
    """An accuracy that is compared with the baseline's.

    Attributes:
        metric: which of the task's two accuracies.
        task: lm-eval task name.
        margin: the least drop that matters, as a difference of accuracies: 0.05 is five questions of a hundred.
    """

    metric: Literal["accuracy", "normalised_accuracy"]
    task: Text
    margin: Annotated[float, Field(gt=0, lt=1)]

    @property
    def name(self) -> str:
        """How gates, properties and reports call it: "arc_easy accuracy"."""
        return f"{self.task} {self.metric}"


class SpeedPrimary(Section):
    """A speed that is compared with the baseline's.

    Attributes:
        metric: times are means over a repeat, in milliseconds; tokens are those of all requests together.
        concurrency: requests in flight.
        margin: the least worsening that matters, as a fraction: 0.10 is a tenth more time, or a tenth more time for
            the same tokens.
    """

    metric: Literal["ttft_ms", "itl_ms", "tpot_ms", "output_tokens_per_second"]
    concurrency: Count
    margin: Annotated[float, Field(gt=0, lt=1)]

    @property
    def name(self) -> str:
        """How gates, properties and reports call it: "itl_ms at 4 in flight"."""
        return f"{self.metric} at {self.concurrency} in flight"


Primary = Annotated[AccuracyPrimary | SpeedPrimary, Field(discriminator="metric")]


class Gates(Section):
    """When a test of a served model fails. `docs/gates.md` has the statistics behind these numbers.

    Attributes:
        accuracy_floors: least accuracy by task, 0 to 1; None is no floor.
        floor_noise_stderr: standard errors by which a score may lie under its floor and still be noise.
        above_chance_stderr: standard errors by which a score must beat guessing, or nothing was measured.
        errored_requests: fraction of requests that may fail.
        achieved_load: fraction of a gated concurrency that must really have been in flight.
        service_levels: bounds by concurrency.
        primaries: the few metrics that are compared with the baseline; every other one is reported.
        significance: chance that an unchanged service gets any primary called regressed or improved.
    """

    accuracy_floors: dict[Text, Fraction | None]
    floor_noise_stderr: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    above_chance_stderr: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    errored_requests: Fraction
    achieved_load: Annotated[float, Field(gt=0, le=1)]
    service_levels: tuple[ServiceLevel, ...] = ()
    primaries: Annotated[tuple[Primary, ...], Field(min_length=1)]
    significance: Annotated[float, Field(gt=0, lt=0.5)]

    @model_validator(mode="after")
    def _primaries_differ(self) -> Self:
        names = [primary.name for primary in self.primaries]
        for name in names:
            if names.count(name) > 1:
                raise problem(f"{name} is there twice; remove one", key="primaries")
        return self
