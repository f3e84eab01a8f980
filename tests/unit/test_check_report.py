"""A test as people read it, while it runs and when it is over."""

from __future__ import annotations

import pytest

from flows.check_model.engine_load import read_engine_load
from flows.check_model.errors import NoEngineMetricsError
from flows.check_model.flow import ending
from flows.check_model.gate import judge
from flows.check_model.measurement import Missing
from flows.check_model.progress import Progress
from flows.check_model.report import gate_rows, markdown
from flows.check_model.tools import ToolRun
from flows.check_model.verdicts import Verdict
from tests.unit.measurements import LIMIT, measurement, spec
from tests.unit.records import record, subject

METRICS = """\
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="m"} 1.0
vllm:num_requests_running{engine="1",model_name="m"} 2.0
vllm:num_requests_waiting{engine="0",model_name="m"} 4.0
vllm:request_success_total{engine="0",finished_reason="length",model_name="m"} 70.0
vllm:request_success_total{engine="0",finished_reason="stop",model_name="m"} 5.0
"""


def missing_evaluation() -> dict[str, object]:
    """The parts of a record whose lm-eval failed."""
    gone = Missing(reason="the Hub cannot be reached")
    found = measurement(evaluation=gone)
    return {"evaluation": gone, "judgement": judge(found, spec=spec(), baseline=None, limit=LIMIT)}


def test_the_verdict_comes_first() -> None:
    """Who is woken at night reads one line."""
    page = markdown(record(**missing_evaluation()), uri="s3://b/p/", pictures={})
    title, _, sentence, *_ = page.splitlines()
    assert title == "# INVALID: Mistral-Small-24B-Instruct quantized-w4a16"
    assert sentence.startswith("**invalid: arc_easy measured: not measured: the Hub cannot be reached")
    assert "Not measured: the Hub cannot be reached" in page


def test_a_replica_says_so() -> None:
    """A toy's speed would be taken for the model's."""
    page = markdown(record(subject=subject(replica="sandbox/models/quantized.yaml")), uri="s3://b/p/", pictures={})
    assert "> A replica of the sandbox" in page


def test_a_report_has_every_load_and_where_everything_is() -> None:
    """A figure without its evidence convinces nobody."""
    page = markdown(record(), uri="s3://b/p/", pictures={"Speed": "data:image/png;base64,x"})
    assert "| 1 in flight |" in page
    assert "| 2/s |" in page
    assert "`aws s3 ls --recursive s3://b/p/`" in page
    assert "![Speed](data:image/png;base64,x)" in page


def test_the_gravest_gates_stand_on_top() -> None:
    """A broken gate would stand in the middle of twenty good ones."""
    rows = gate_rows(record(**missing_evaluation()))
    assert [row["answer"] for row in rows[:3]] == ["INVALID", "INVALID", "ok"]


@pytest.mark.parametrize(
    ("parts", "kind", "name"), [({}, "COMPLETED", "Completed"), (missing_evaluation(), "FAILED", "Invalid")]
)
def test_a_run_ends_in_the_state_of_its_verdict(parts: dict[str, object], kind: str, name: str) -> None:
    """Green means measured and good."""
    state = ending(record(**parts))
    assert (state.type, state.name) == (kind, name)
    assert state.message == record(**parts).judgement.sentence


def test_the_engines_of_a_server_count_together() -> None:
    """A busy second engine would be taken for an idle service."""
    load = read_engine_load(METRICS, url="http://s")
    assert (load.running, load.waiting, load.answered, load.idle) == (3, 4, 75, False)
    with pytest.raises(NoEngineMetricsError, match="no vllm:num_requests_waiting"):
        read_engine_load("vllm:num_requests_running 0", url="http://s")


def test_progress_counts_what_the_engine_answered() -> None:
    """An hour would pass without a sign, as with a bar that the tool draws for itself."""
    answered = iter((100, 150, None))
    tools = (
        ToolRun(name="lm-eval", title="lm-eval", command=(), requests=200),
        ToolRun(name="guidellm/rates", title="GuideLLM, rates", command=(), seconds=60),
    )
    progress = Progress(tools, answered=lambda: next(answered), clock=lambda: 7.0)
    with progress.running(tools[0]):
        progress.look()
        assert progress.sentence() == "lm-eval: 50 of about 200 requests answered (0 s)"
        assert progress.percent == 12.5
        progress.look()
        assert "the engine does not answer" in progress.sentence()
    assert (progress.percent, progress.sentence()) == (50.0, "1 of 2 runs of the tools are over")


def test_every_verdict_has_a_word_in_the_report() -> None:
    """A new verdict would end a test with an error after an hour."""
    for verdict in Verdict:
        judged = record().judgement.model_copy(update={"verdict": verdict})
        assert markdown(record(judgement=judged), uri="s3://b/", pictures={}).startswith("# ")
