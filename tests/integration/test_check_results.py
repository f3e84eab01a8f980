"""From a tool's reports in the bucket to the verdict in the registry, against a real store and a real registry.

The reports are recorded ones of real runs (tests/golden/reports), put where the Jobs put them.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from model_registry import ModelRegistry as OfficialClient

from blocks.object_store import StoreClient
from blocks.registry import ModelRegistry, RegistryClient
from blocks.registry_entries import ArtifactSource, Property, VersionEntry
from deployments.spec import ModelSpec
from flows.check_model import publishing
from flows.check_model.archive import BASELINE_PROPERTY, LATEST_PROPERTY, baseline_run, read_record, run_prefix
from flows.check_model.baseline import replace_baseline
from flows.check_model.collecting import collect
from flows.check_model.errors import NoisyBaselineError, NoResultError, RegistryUntoldError, UnfitBaselineError
from flows.check_model.gate import judge
from flows.check_model.measurement import Hardware, Missing
from flows.check_model.plots import draw
from flows.check_model.properties import NOT_MEASURED, result_properties
from flows.check_model.record import CheckRecord, Subject
from flows.check_model.tasks import tell_registry
from flows.check_model.tools import benchmark_runs, evaluation_run
from flows.check_model.verdicts import Verdict
from tests.integration.registry_server import empty_registry, serving
from tests.unit.measurements import LIMIT, spec
from tests.unit.records import subject

GOLDEN = Path(__file__).parent.parent / "golden" / "reports"
TIME = "2026-11-23T20-00-00.000000"


def raw(name: str) -> dict[str, Any]:
    """A recorded report."""
    report: dict[str, Any] = json.loads((GOLDEN / name).read_text())
    return report


@dataclass(frozen=True)
class Archive:
    """Results of one model: a bucket with this test's own runs, and a registry."""

    store: StoreClient
    registry: RegistryClient
    url: str
    spec: ModelSpec

    def leave(self, run: str, *, scores: str = "good", **changes: object) -> Subject:
        """Put a whole test's reports into the bucket.

        Args:
            run: the flow run.
            scores: which lm-eval run.
            changes: by the name of a folder, with `_` for what no name has, None to leave it out, or another report.
        """
        tested = subject(run=run, version=self.spec.version)
        publishing.keep_subject(self.store, tested)
        found = changes.get("lm_eval", raw(f"{scores}/results.json"))
        if found is not None:
            self._put(tested, f"lm-eval/m/results_{TIME}.json", json.dumps(found).encode())
            for task in self.spec.evaluation.tasks:
                samples = (GOLDEN / scores / f"samples_{task}.jsonl").read_bytes()
                self._put(tested, f"lm-eval/m/samples_{task}_{TIME}.jsonl", samples)
        whole, rates = raw("concurrencies.json"), raw("rates.json")
        for number in (1, 2, 3):
            part = {**whole, "benchmarks": whole["benchmarks"][2 * number - 2 : 2 * number]}
            self._report(tested, f"repeat-{number}", changes.get(f"repeat_{number}", part))
        self._report(tested, "rates", changes.get("rates", {**rates, "benchmarks": rates["benchmarks"][:2]}))
        return tested

    def publish(self, tested: Subject, *, baseline: CheckRecord | None = None) -> CheckRecord:
        """Do what the flow does after the tools."""
        measurement = collect(self.store, spec=self.spec, subject=tested)
        before = baseline.measurement if baseline else None
        judgement = judge(measurement, spec=self.spec, baseline=before, limit=LIMIT)
        record = publishing.write_record(
            self.store, subject=tested, measurement=measurement, judgement=judgement, published_by=tested.run
        )
        uri = publishing.publish(self.store, record, pictures=draw(record, baseline=before))
        self.registry.merge_properties(
            self.spec.registered_model, self.spec.version, result_properties(record, spec=self.spec, uri=uri)
        )
        return record

    def told(self) -> dict[str, Property]:
        """What the registry has of the version."""
        found = self.registry.find_version(self.spec.registered_model, self.spec.version)
        assert found
        return found.properties

    def _report(self, tested: Subject, folder: str, report: object) -> None:
        if report is not None:
            self._put(tested, f"guidellm/{folder}/report.json", json.dumps(report).encode())

    def _put(self, tested: Subject, name: str, content: bytes) -> None:
        self.store.put(publishing.prefix_of(tested) + name, content)


@pytest.fixture(scope="module")
def registry_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One registry for all tests of this file; each has a version of its own."""
    with empty_registry(tmp_path_factory.mktemp("registry")) as server, serving(server) as url:
        yield url


@pytest.fixture
def archive(store: StoreClient, registry_url: str, request: pytest.FixtureRequest) -> Archive:
    """An archive with one registered version, without any test."""
    mark = hashlib.sha256(request.node.name.encode()).hexdigest()[:12]
    model = spec().model_copy(update={"version": f"v-{mark}"})
    registry = ModelRegistry(address=registry_url).client()
    registry.upsert_version(
        VersionEntry(
            model=model.registered_model,
            version=model.version,
            uri=f"s3://{store.bucket}/{model.prefix}",
            format_name="vLLM",
            format_version="1",
            description="",
            properties={"runtime_image": "kept"},
            source=ArtifactSource(kind="huggingface", source_class="repository", group="o", id="c", name="o/n"),
        )
    )
    return Archive(store, registry, registry_url, model)


def invalid(record: CheckRecord) -> dict[str, str]:
    """The gates that say that something was not measured, with their sentences."""
    return {check.name: check.sentence for check in record.judgement.absolute if check.verdict is Verdict.INVALID}


def test_failure_3_every_number_in_the_registry_is_one_of_the_tools_own_reports(archive: Archive) -> None:
    """Benchmark numbers never reached the registry, and the task was green (docs/failures.md, row 3)."""
    assert archive.publish(archive.leave("first")).judgement.verdict is Verdict.PASS
    official = OfficialClient(
        archive.url.rpartition(":")[0], int(archive.url.rpartition(":")[2]), author="t", is_secure=False
    )
    version = official.get_model_version(archive.spec.registered_model, archive.spec.version)
    assert version
    told = version.custom_properties or {}
    assert told["runtime_image"] == "kept"
    results = raw("good/results.json")["results"]
    for task in archive.spec.evaluation.tasks:
        for ours, theirs in (("accuracy", "acc,none"), ("accuracy_stderr", "acc_stderr,none"), ("questions", None)):
            wanted = results[task][theirs] if theirs else LIMIT
            assert told[f"eval_{task}_{ours}"] == wanted
    benchmarks = raw("concurrencies.json")["benchmarks"]
    for index, streams in enumerate((1, 4)):
        metrics = [each["metrics"] for each in benchmarks[index::2]]
        means = {"requests_per_second": "requests_per_second", "output_tokens_per_second": "output_tokens_per_second"}
        latencies = {"ttft_ms": "time_to_first_token_ms", "itl_ms": "inter_token_latency_ms"}
        for ours, theirs in means.items():
            values = sorted(each[theirs]["successful"]["mean"] for each in metrics)
            assert told[f"bench_c{streams}_{ours}"] == values[1]
        for ours, theirs in latencies.items():
            values = sorted(each[theirs]["successful"]["percentiles"]["p99"] for each in metrics)
            assert told[f"bench_c{streams}_{ours}_p99"] == values[1]
    rate = raw("rates.json")["benchmarks"][1]["metrics"]
    assert told["bench_r2_requests_per_second"] == rate["requests_per_second"]["successful"]["mean"]


def test_the_first_good_run_becomes_the_baseline_and_a_damaged_model_regresses_from_it(archive: Archive) -> None:
    """A damaged copy would be judged by limits alone, or replace what it should be compared with."""
    first = archive.publish(archive.leave("first"))
    record = archive.publish(archive.leave("second", scores="noisy"), baseline=first)
    assert record.judgement.verdict is Verdict.REGRESSED
    told = archive.told()
    assert (told["test_verdict"], told[LATEST_PROPERTY], told[BASELINE_PROPERTY]) == ("regressed", "second", "first")


def test_failure_11_a_failed_evaluation_does_not_lose_the_benchmarks(archive: Archive) -> None:
    """One tool's failure skipped publishing what the other had measured (docs/failures.md, row 11)."""
    tested = archive.leave("first", lm_eval=None)
    tool = evaluation_run(archive.spec, url=tested.url, limit=LIMIT)
    publishing.keep_problem(archive.store, tested, tool=tool, problem="the Job failed: the Hub cannot be reached")
    record = archive.publish(tested)
    assert "the Hub cannot be reached" in invalid(record)["arc_easy measured"]
    told = archive.told()
    assert told["eval_arc_easy_accuracy"] == NOT_MEASURED
    assert told["bench_c4_repeats"] == 3
    assert BASELINE_PROPERTY not in told


def test_last_nights_number_does_not_stay_where_tonight_has_none(archive: Archive) -> None:
    """A dashboard would show a speed of a run that never was."""
    archive.publish(archive.leave("first"))
    archive.publish(archive.leave("second", rates=None))
    told = archive.told()
    assert told["bench_r1_requests_per_second"] == NOT_MEASURED
    assert told["bench_c1_repeats"] == 3


def errors(report: dict[str, Any]) -> dict[str, Any]:
    """The report of a run in which 30% of the requests failed."""
    for benchmark in report["benchmarks"]:
        totals = benchmark["metrics"]["request_totals"]
        totals["errored"] = round(totals["successful"] * 3 / 7)
    return report


def died() -> dict[str, Any]:
    """The report of a run whose server died, asked for what the other repeats were asked for."""
    return {**raw("server_died.json"), "config": raw("concurrencies.json")["config"]}


@pytest.mark.parametrize(
    ("changes", "gate", "told"),
    [
        pytest.param({"repeat_2": None}, "4 in flight measured", "2 of 3 repeats .*left no report", id="no report"),
        pytest.param(
            {"repeat_1": raw("wrong_model.json")},
            "1 in flight measured",
            "no request succeeded.*compare `model`",
            id="fact 12: placeholders of a wrong model id",
        ),
        pytest.param({"rates": errors(raw("rates.json"))}, "1/s errors", "requests failed", id="30% errored"),
        pytest.param({"repeat_3": died()}, "4 in flight errors", "disconnected", id="server died"),
        pytest.param(
            {"lm_eval": {**raw("good/results.json"), "lm_eval_version": "0.9.0"}},
            "hellaswag measured",
            "version 0.9.0, and only 0.4.13 is known",
            id="unknown version of lm-eval",
        ),
        pytest.param(
            {"rates": {**raw("rates.json"), "metadata": {"version": 3}}},
            "2/s measured",
            "version 3, and only 2 is known",
            id="unknown version of GuideLLM",
        ),
    ],
)
def test_what_is_no_measurement_is_invalid_and_says_why(
    archive: Archive, changes: dict[str, Any], gate: str, told: str
) -> None:
    """Runs were green with placeholders, with 1,895 dropped requests, and with reports that nobody could read."""
    record = archive.publish(archive.leave("first", **changes))
    assert record.judgement.verdict is Verdict.INVALID
    assert re.search(told, invalid(record)[gate]), invalid(record)


def test_a_baseline_of_other_hardware_is_not_comparable(archive: Archive) -> None:
    """A move to another GPU would be called an improvement of the model."""
    first = archive.publish(archive.leave("first"))
    elsewhere = first.subject.model_copy(update={"hardware": Hardware(product="NVIDIA-L40S", count=1)})
    record = archive.publish(archive.leave("second"), baseline=first.model_copy(update={"subject": elsewhere}))
    assert record.judgement.verdict is Verdict.NOT_COMPARABLE
    assert "gpu.product is cpu, in the baseline NVIDIA-L40S" in record.judgement.sentence


def test_everything_is_in_the_bucket_and_its_checksums_hold(archive: Archive) -> None:
    """Somebody who doubts a verdict would find a number without its evidence."""
    tested = archive.leave("first")
    archive.publish(tested)
    prefix = publishing.prefix_of(tested)
    names = {entry.key.removeprefix(prefix) for entry in archive.store.list(prefix)}
    assert {"subject.json", "result.json", "plots/accuracy.png", "plots/speed.png"} <= names
    listed = archive.store.get(prefix + "SHA256SUMS", limit_bytes=10**6)[0].decode().splitlines()
    sums = {name: digest for digest, name in (line.split("  ") for line in listed)}
    assert sums.keys() == names - {"SHA256SUMS"}
    for name, digest in sums.items():
        assert hashlib.sha256(archive.store.get(prefix + name, limit_bytes=10**9)[0]).hexdigest() == digest


def test_a_run_that_is_published_again_says_the_same(archive: Archive) -> None:
    """After an outage of the registry an hour of GPU time would be measured again, or another verdict given."""
    before = archive.publish(archive.leave("first"))
    again = archive.publish(before.subject)
    assert again.model_copy(update={"published": before.published}) == before
    name = {"registered_model": archive.spec.registered_model, "version": archive.spec.version, "run": "first"}
    assert read_record(archive.store, **name) == again


def test_a_baseline_is_replaced_only_by_a_run_that_keeps_every_limit(archive: Archive) -> None:
    """A broken night would become what every later one is as good as."""
    for run, changes in (("good", {}), ("bad", {"rates": None}), ("better", {})):
        archive.publish(archive.leave(run, **changes))
    operator = {"store": archive.store, "registry": archive.registry}
    with pytest.raises(UnfitBaselineError, match="run bad cannot be a baseline: invalid"):
        replace_baseline(archive.spec, run="bad", **operator)  # type: ignore[arg-type]
    with pytest.raises(NoResultError):
        replace_baseline(archive.spec, run="unheard-of", **operator)  # type: ignore[arg-type]
    # The recorded repeats are those of a busy machine.
    told = replace_baseline(archive.spec, run="better", **operator, accept_noise=True)  # type: ignore[arg-type]
    assert "run better, which ended as pass; it was better" in told
    version = archive.registry.find_version(archive.spec.registered_model, archive.spec.version)
    assert version
    assert baseline_run(version) == "better"


def test_a_run_that_scatters_as_far_as_the_margins_does_not_replace_the_baseline(archive: Archive) -> None:
    """Every later night would be inconclusive, and a slow service would never be found out."""
    archive.publish(archive.leave("first"))
    archive.publish(archive.leave("noisy"))
    archive.registry.merge_properties(archive.spec.registered_model, archive.spec.version, {BASELINE_PROPERTY: "first"})
    operator = {"store": archive.store, "registry": archive.registry}
    with pytest.raises(NoisyBaselineError, match=r"run noisy is too noisy .* 4 in flight is known to within 60% only"):
        replace_baseline(archive.spec, run="noisy", **operator)  # type: ignore[arg-type]
    assert archive.told()[BASELINE_PROPERTY] == "first"
    told = replace_baseline(archive.spec, run="noisy", **operator, accept_noise=True)  # type: ignore[arg-type]
    assert "it was first; tpot_ms at 4 in flight is known to within 60% only" in told


def test_two_files_of_results_are_not_guessed_between(archive: Archive) -> None:
    """The newest of two attempts' reports might be half of another run."""
    tested = archive.leave("first")
    prefix = run_prefix(tested.registered_model, tested.version, run=tested.run)
    archive.store.put(f"{prefix}lm-eval/m/results_other.json", b"{}")
    found = collect(archive.store, spec=archive.spec, subject=tested).evaluation
    assert isinstance(found, Missing)
    assert "2 such files are there" in found.reason


def test_repeats_that_were_asked_for_different_things_are_no_repeats(archive: Archive) -> None:
    """An interval over different experiments would be taken for noise."""
    whole = raw("concurrencies.json")
    other = json.loads(json.dumps({**whole, "benchmarks": whole["benchmarks"][:2]}))
    other["config"]["spec"]["data"][0]["prompt_tokens"] = 1
    found = collect(archive.store, spec=archive.spec, subject=archive.leave("first", repeat_2=other)).benchmarks
    assert isinstance(found, Missing)
    assert "no repeats" in found.reason


def test_the_runs_of_a_test_have_different_prompts() -> None:
    """Equal prompts are answered from the prefix cache, and a service would become faster every night."""
    first = {run.command for run in benchmark_runs(spec(), url="http://s", run="1")}
    second = {run.command for run in benchmark_runs(spec(), url="http://s", run="2")}
    assert len(first) == 4
    assert not first & second


def test_a_registry_that_is_away_costs_no_measurement(archive: Archive) -> None:
    """An hour of GPU time would be lost with the last request of a run."""
    record = archive.publish(archive.leave("first"))
    away = ModelRegistry(address="http://127.0.0.1:9")
    with pytest.raises(RegistryUntoldError, match=r"whole at s3://b/p/.*test/quantized --param from_run=first") as told:
        tell_registry.fn(record, spec=archive.spec, uri="s3://b/p/", registry=away)
    assert told.value.transient, "the task is tried again"
