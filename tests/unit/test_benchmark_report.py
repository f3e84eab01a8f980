"""GuideLLM's reports: what is taken of real ones, and that nothing is taken of a broken or empty one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.check_model.benchmark_report import read_benchmarks
from flows.check_model.errors import EmptyBenchmarkError, ReportError, UnknownReportVersionError
from flows.check_model.metrics import Benchmarks

FOLDER = Path(__file__).parent.parent / "golden" / "reports"


def report(name: str) -> dict[str, Any]:
    """A real report."""
    content: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_bytes())
    return content


def read(content: dict[str, Any]) -> Benchmarks:
    """Read a report that was perhaps changed."""
    return read_benchmarks(json.dumps(content).encode(), report="benchmarks.json")


def changed(change: Callable[[dict[str, Any]], object], name: str = "concurrencies") -> dict[str, Any]:
    """A real report after a change."""
    content = report(name)
    change(content)
    return content


def test_failure_3_figures_are_those_below_benchmarks_and_metrics() -> None:
    """The parser read top-level keys, GuideLLM nests them: "0 metrics", and the task was green."""
    content = report("concurrencies")
    read_back = read(content)
    assert len(read_back.results) == len(content["benchmarks"]) == 6
    for result, benchmark in zip(read_back.results, content["benchmarks"], strict=True):
        metrics = {name: metric.get("successful") for name, metric in benchmark["metrics"].items()}
        assert result.output_tokens_per_second == metrics["output_tokens_per_second"]["mean"] > 0
        assert result.requests_per_second == metrics["requests_per_second"]["mean"] > 0
        for distribution, name in (
            (result.ttft_ms, "time_to_first_token_ms"),
            (result.itl_ms, "inter_token_latency_ms"),
            (result.tpot_ms, "time_per_output_token_ms"),
            (result.latency_seconds, "request_latency"),
        ):
            wanted = metrics[name]["percentiles"]
            assert (distribution.mean, distribution.p50, distribution.p90, distribution.p99) == (
                metrics[name]["mean"],
                wanted["p50"],
                wanted["p90"],
                wanted["p99"],
            )


def test_loads_and_their_repeats_are_told_apart() -> None:
    """Repeats of one load would be counted for another."""
    assert [str(result.load) for result in read(report("concurrencies")).results] == [
        "1 in flight",
        "4 in flight",
    ] * 3


def test_a_rate_that_was_not_reached_shows() -> None:
    """A saturated server would look like one that serves 60 requests a second."""
    assert [round(result.achieved_share, 2) for result in read(report("rates")).results] == [1.0, 1.0, 0.29]


def test_requests_that_were_not_finished_are_counted() -> None:
    """A queue that grows without end would leave no trace."""
    assert [result.incomplete for result in read(report("rates")).results] == [0, 0, 212]


def test_failure_12_a_wrong_model_name_is_an_error() -> None:
    """GuideLLM ends well with zeros for all figures when no model has the name; this is such a report."""
    with pytest.raises(EmptyBenchmarkError, match=r"no request succeeded; 706 failed .*404 Not Found.*/v1/models"):
        read(report("wrong_model"))


def test_a_server_that_failed_every_request_is_looked_at_not_the_name() -> None:
    """The operator would compare names while the engine is down."""

    def fail(content: dict[str, Any]) -> None:
        content["benchmarks"][0]["requests"]["errored"] = [{"info": {"error": "Server error '500'"}}]

    with pytest.raises(EmptyBenchmarkError, match="look at the service's log"):
        read(changed(fail, "wrong_model"))


def test_failure_12_disconnected_requests_are_counted() -> None:
    """1,895 requests ended in "server disconnected", and nobody was told; this is such a report."""
    result = read(report("server_died")).results[0]
    assert (result.successful, result.errored, result.errored_share > 0.99) == (11, 2529, True)
    assert result.first_error == "RemoteProtocolError('Server disconnected without sending a response.')"


def test_errors_of_the_warm_up_count() -> None:
    """A server that fails its first requests would be taken for a sound one."""
    content = changed(lambda content: content["benchmarks"][0]["scheduler_metrics"]["requests_made"].update(errored=7))
    assert read(content).results[0].errored == 7


@pytest.mark.parametrize("version", [1, 3, "2", None])
def test_an_unknown_schema_is_refused(version: object) -> None:
    """Figures that moved in a new schema would be missed."""
    with pytest.raises(UnknownReportVersionError, match=r"metadata\.version.*only 2 is known"):
        read(changed(lambda content: content["metadata"].update(version=version)))


def test_a_report_without_metadata_is_refused() -> None:
    """A placeholder that a script wrote would pass for a report."""
    with pytest.raises(UnknownReportVersionError):
        read_benchmarks(b'{"benchmarks": []}', report="benchmarks.json")


def test_failure_3_a_run_without_benchmarks_is_refused() -> None:
    """No benchmark would give no bad figure."""
    with pytest.raises(ReportError, match="no benchmark was run"):
        read(changed(lambda content: content.update(benchmarks=[])))


@pytest.mark.parametrize(
    "metric",
    [
        "requests_per_second",
        "request_concurrency",
        "output_tokens_per_second",
        "request_latency",
        "time_to_first_token_ms",
        "inter_token_latency_ms",
        "time_per_output_token_ms",
        "request_totals",
    ],
)
def test_a_metric_that_is_missing_is_no_zero(metric: str) -> None:
    """A renamed metric would be published as the fastest ever."""
    with pytest.raises(ReportError, match=rf"benchmarks\[5\]\.metrics\.{metric}: Field required"):
        read(changed(lambda content: content["benchmarks"][5]["metrics"].pop(metric)))


def test_a_metric_that_was_never_taken_is_no_zero() -> None:
    """Without streaming there is no time between tokens; GuideLLM writes 0 ms, which no gate would find slow."""

    def untaken(content: dict[str, Any]) -> None:
        content["benchmarks"][2]["metrics"]["inter_token_latency_ms"]["successful"].update(count=0, mean=0.0)

    with pytest.raises(ReportError, match=r"benchmarks\[2\].*inter_token_latency_ms.*no measurement"):
        read(changed(untaken))


def test_a_profile_without_a_load_of_ours_is_refused() -> None:
    """A sweep's figures would be counted as those of a gated load."""
    with pytest.raises(ReportError, match=r"benchmarks\[0\]\.config\.strategy"):
        read(changed(lambda content: content["benchmarks"][0]["config"]["strategy"].update(type_="throughput")))


def test_what_guidellm_says_against_itself_is_kept() -> None:
    """A client that was too slow would be blamed on the service."""
    warnings = [warning for result in read(report("concurrencies")).results for warning in result.warnings]
    assert any("generation delay" in warning for warning in warnings)


def test_the_setup_says_how_it_was_asked() -> None:
    """Runs with other prompts would be compared with each other."""
    setup = read(report("concurrencies")).setup
    assert (setup.version, setup.model, setup.endpoint, setup.verifies_tls, setup.seconds) == (
        "0.8.1",
        "mistral-24b-quantized",
        "/v1/chat/completions",
        True,
        13.0,
    )
    assert setup.data == {
        "kind": "synthetic_text",
        "prompt_tokens": "64",
        "output_tokens": "32",
        "turns": "1",
        "seed": "42",
    }


def test_benchmarks_survive_being_written_and_read_back() -> None:
    """The baseline comes from storage; if it came back changed, every night would be a regression."""
    benchmarks = read(report("rates"))
    assert Benchmarks.model_validate_json(benchmarks.model_dump_json()) == benchmarks
