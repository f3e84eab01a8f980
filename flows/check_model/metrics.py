"""What a test measures, as typed values: accuracies with their answers, and speeds by load."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Finite = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Number = Annotated[int, Field(ge=0)]


class Fact(BaseModel):
    """A frozen value that refuses what it does not know; it is written to `result.json` and read back."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Answer(Fact):
    """What the model said to one question.

    Attributes:
        question: lm-eval's hash of the document, which is the same in every run over the same data.
        choices: how many answers there were to choose from.
        correct: the likeliest answer is the right one.
        correct_normalised: so it is after dividing each likelihood by the answer's length; None where not scored.
    """

    question: str
    choices: Annotated[int, Field(ge=2)]
    correct: bool
    correct_normalised: bool | None = None


class TaskScore(Fact):
    """One lm-eval task.

    Attributes:
        task: its name.
        asked: questions that were scored.
        available: questions that the task has.
        accuracy: share of right answers.
        accuracy_stderr: its standard error, as lm-eval gives it; None where one question allows none.
        normalised: the same after normalising by length; None where the task has no such score.
        normalised_stderr: its standard error.
        answers: one for each question, in the report's order.
    """

    task: str
    asked: Annotated[int, Field(ge=1)]
    available: Annotated[int, Field(ge=1)]
    accuracy: Share
    accuracy_stderr: Finite | None
    normalised: Share | None
    normalised_stderr: Finite | None
    answers: tuple[Answer, ...]

    @property
    def chance(self) -> float:
        """The accuracy to expect of guessing, 0 to 1: questions may have different numbers of choices."""
        return sum(1 / answer.choices for answer in self.answers) / len(self.answers)


class TaskSetup(Fact):
    """What fixes the questions of a task.

    Attributes:
        version: of the task's definition.
        dataset: repository, configuration and revision of its data.
        shots: solved examples in each prompt.
        limit: questions asked for; None for all.
        digest: lm-eval's hash over every question, prompt and right answer of the run.
    """

    version: str
    dataset: str
    shots: int
    limit: int | None
    digest: str


class EvaluationSetup(Fact):
    """How lm-eval was run, as its own report says.

    Attributes:
        version: of lm-eval.
        model: the name that it asked the service for.
        tokenizer: where it took the tokenizer from.
        concurrency: requests in flight.
        max_length: tokens to which it would have cut a longer prompt, silently.
        tasks: what fixes each task's questions, by task.
    """

    version: str
    model: str
    tokenizer: str | None
    concurrency: int
    max_length: int
    tasks: dict[str, TaskSetup]


class Evaluation(Fact):
    """All that one lm-eval run says."""

    setup: EvaluationSetup
    scores: tuple[TaskScore, ...]


class Distribution(Fact):
    """A latency over the requests (or tokens) that succeeded."""

    mean: Finite
    p50: Finite
    p90: Finite
    p99: Finite


class Load(Fact):
    """What the service was put under.

    Attributes:
        kind: `concurrency` keeps so many requests in flight; `rate` sends so many a second, come what may.
        asked: the number of requests in flight, or of requests a second.
    """

    kind: Literal["concurrency", "rate"]
    asked: Annotated[float, Field(gt=0, allow_inf_nan=False)]

    def __str__(self) -> str:
        """As people say it: "4 in flight" or "2/s"."""
        return f"{self.asked:g} in flight" if self.kind == "concurrency" else f"{self.asked:g}/s"


class LoadResult(Fact):
    """One benchmark at one load.

    Attributes:
        load: what was asked.
        seconds: length of the measured window.
        requests_per_second: requests that succeeded in the window, a second.
        in_flight: how many requests were in flight, on average over the window.
        output_tokens_per_second: output tokens of all requests together, a second.
        ttft_ms: time to first token, over requests.
        itl_ms: time between tokens, over tokens.
        tpot_ms: time per output token, the first included, over tokens.
        latency_seconds: whole requests.
        successful: requests that were answered in full.
        errored: requests that failed.
        incomplete: requests that were in flight when the window closed, or could not be started.
        first_error: what the first failed request was told.
        warnings: what GuideLLM itself says against its measurement, for example that its data generator was too slow.
    """

    load: Load
    seconds: Finite
    requests_per_second: Finite
    in_flight: Finite
    output_tokens_per_second: Finite
    ttft_ms: Distribution
    itl_ms: Distribution
    tpot_ms: Distribution
    latency_seconds: Distribution
    successful: Annotated[int, Field(ge=1)]
    errored: Number
    incomplete: Number
    first_error: str | None = None
    warnings: tuple[str, ...] = ()

    @property
    def errored_share(self) -> float:
        """Failed requests among those that came to an end, 0 to 1."""
        return self.errored / (self.errored + self.successful)

    @property
    def achieved_share(self) -> float:
        """How much of the asked load there really was, 0 to about 1."""
        return (self.requests_per_second if self.load.kind == "rate" else self.in_flight) / self.load.asked


class BenchmarkSetup(Fact):
    """How GuideLLM was run, as its own report says.

    Attributes:
        version: of GuideLLM.
        model: the name that it asked the service for.
        endpoint: the API path of each request.
        verifies_tls: it checked the service's certificate.
        data: what made the prompts: token counts, seed, and the rest of the generator's settings.
        seconds: length that each benchmark was given; None where requests were counted instead.
    """

    version: str
    model: str
    endpoint: str
    verifies_tls: bool
    data: dict[str, str]
    seconds: float | None

    def without_seed(self) -> BenchmarkSetup:
        """The same for any prompts: each run of GuideLLM has others, of the same sort."""
        return self.model_copy(update={"data": {name: value for name, value in self.data.items() if name != "seed"}})


class Benchmarks(Fact):
    """All that GuideLLM says of one kind of load.

    Attributes:
        setup: how it was run; of several runs, the first one's.
        results: a result for each load and repeat, in the order of the runs.
        problems: why a run of several is missing.
    """

    setup: BenchmarkSetup
    results: tuple[LoadResult, ...]
    problems: tuple[str, ...] = ()
