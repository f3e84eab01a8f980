"""What a test leaves for machines: the subject that was tested, all that was measured, and the verdict, in one file.

`result.json` is canonical and read strictly: a file of another schema is refused, never half understood.
"""

from __future__ import annotations

import json
from typing import Annotated, Literal, TypeVar

from pydantic import Field, ValidationError

from flows.check_model.errors import RecordError
from flows.check_model.gate import Judgement
from flows.check_model.measurement import Hardware, Measurement, Missing, Treatment
from flows.check_model.metrics import Benchmarks, Evaluation, Fact

SUBJECT_SCHEMA: Literal["slipway.dev/test-subject"] = "slipway.dev/test-subject"
RECORD_SCHEMA: Literal["slipway.dev/test-result"] = "slipway.dev/test-result"


class _Written(Fact):
    """A value that has a file of its own."""

    def canonical(self) -> bytes:
        """The one serialization: UTF-8 JSON, sorted keys, two spaces, one newline at the end."""
        content = self.model_dump(mode="json")
        return (json.dumps(content, sort_keys=True, indent=2, ensure_ascii=False) + "\n").encode()


class Subject(_Written):
    """What is put to the test, and by whom; written before anything is measured, so that a result is never homeless.

    Attributes:
        run: the flow run that measures; it names the result for good.
        run_url: its page in the Prefect UI; empty if unknown.
        model: the catalog key.
        registered_model: the model's name in the registry.
        version: the version's name in it.
        commit: of the Hub's repository that the weights came from.
        replica: what to say of a stand-in for the model; None for the model itself.
        service: the InferenceService; it is also the id that the engine answers to.
        namespace: the service's namespace.
        revision: of the service, as the cluster counts.
        url: where the service was asked.
        image: what the service's engine runs in, as deployed, by digest.
        engine: vLLM's version, as the engine says.
        hardware: what the engine computed on.
        treatment: what may differ between two runs, and is named in a verdict.
        limit: questions of each task; None for all.
        environment: further facts of the place by name, for example the version of Kubernetes.
        started: when the test began, in ISO 8601.
    """

    schema_name: Literal["slipway.dev/test-subject"] = SUBJECT_SCHEMA
    schema_version: Literal[1] = 1
    run: str
    run_url: str
    model: str
    registered_model: str
    version: str
    commit: str
    replica: str | None
    service: str
    namespace: str
    revision: str
    url: str
    image: str
    engine: str
    hardware: Hardware
    treatment: Treatment
    limit: Annotated[int, Field(ge=1)] | None
    environment: dict[str, str]
    started: str


class CheckRecord(_Written):
    """One test, complete: everything that another run, a comparison or an audit needs of it.

    Attributes:
        subject: what was tested.
        evaluation: lm-eval's scores with every answer, and how it was run.
        benchmarks: GuideLLM's results at the gated concurrencies.
        saturation: GuideLLM's results at the reported rates.
        judgement: the verdict with all gates, and the baseline that it refers to.
        tools: versions of what measured and judged, by name.
        finished: when the last measurement ended, in ISO 8601.
        published: when this was written.
        published_by: the flow run that wrote this; another one than the subject's if it was published again.
    """

    schema_name: Literal["slipway.dev/test-result"] = RECORD_SCHEMA
    schema_version: Literal[1] = 1
    subject: Subject
    evaluation: Evaluation | Missing
    benchmarks: Benchmarks | Missing
    saturation: Benchmarks | Missing
    judgement: Judgement
    tools: dict[str, str]
    finished: str
    published: str
    published_by: str

    @property
    def measurement(self) -> Measurement:
        """The part that gates compare."""
        return measured(
            self.subject, evaluation=self.evaluation, benchmarks=self.benchmarks, saturation=self.saturation
        )


def measured(
    subject: Subject,
    *,
    evaluation: Evaluation | Missing,
    benchmarks: Benchmarks | Missing,
    saturation: Benchmarks | Missing,
) -> Measurement:
    """Put what was measured together with the subject's hardware and treatment."""
    return Measurement(
        run=subject.run,
        hardware=subject.hardware,
        treatment=subject.treatment,
        evaluation=evaluation,
        benchmarks=benchmarks,
        saturation=saturation,
    )


WrittenT = TypeVar("WrittenT", bound=_Written)


def parse(kind: type[WrittenT], content: bytes, *, key: str) -> WrittenT:
    """Read a subject or a record back.

    Args:
        kind: `Subject` or `CheckRecord`.
        content: the file's bytes.
        key: its key in the bucket, for errors.

    Raises:
        RecordError: it is of a schema that this version does not know, or damaged.
    """
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"])) or "content"
        raise RecordError(key=key, reason=f"{place}: {problem['msg']}") from error
