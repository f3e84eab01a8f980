"""The tools' command lines, what they trust, and how their failures are told."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from blocks.served_model import TOKEN_VARIABLE
from blocks.trust import combined_authorities
from deployments.settings import Settings
from flows.check_model.collecting import in_short
from flows.check_model.errors import NoAuthoritiesError
from flows.check_model.inside.materials import bring_authorities
from flows.check_model.measuring import job_name, run_tool
from flows.check_model.tools import benchmark_runs, evaluation_run, tool_environment
from k8s.cluster import JobWatch
from tests.integration.self_signed import self_signed
from tests.unit.measurements import spec
from tests.unit.records import subject

URL = "http://service"


def option(command: tuple[str, ...], name: str) -> str:
    """The word after an option."""
    return command[command.index(name) + 1]


def test_failure_11_lm_eval_asks_as_much_at_once_as_the_engine_admits_with_the_models_own_tokenizer() -> None:
    """It took the service's name for a tokenizer, got 401, and asked one question at a time.

    It is docs/failures.md, row 11.
    """
    arguments = option(evaluation_run(spec(), url=URL, limit=100).command, "--model_args").split(",")
    assert dict(pair.split("=", 1) for pair in arguments) == {
        "base_url": "http://service/v1/completions",
        "model": "mistral-24b-quantized",
        "tokenizer": "/slipway/materials/tokenizer",
        "tokenizer_backend": "huggingface",
        "tokenized_requests": "False",
        "num_concurrent": "4",
        "max_length": "1024",
    }


@dataclass
class FakeCluster:
    """Stands for our own adapter: notes the Job, and says that it is done."""

    job: dict[str, Any] = field(default_factory=dict)

    def run_job(self, job: dict[str, Any], *, watch: JobWatch) -> None:  # noqa: ARG002 - the adapter's signature
        """Take the Job."""
        self.job = job


@pytest.mark.parametrize(
    ("url", "variables"),
    [("https://service", {"OPENAI_API_KEY", "GUIDELLM__SPEC__BACKEND__API_KEY"}), ("http://service", set())],
)
def test_the_tools_show_a_services_token_over_https_alone_and_never_as_an_argument(
    url: str, variables: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every answer would be 401, or the token would stand in the Job's arguments and in the report."""
    monkeypatch.setenv(TOKEN_VARIABLE, "a-hush-token")
    environment = Settings(SLIPWAY_FLOWS_IMAGE="f", SLIPWAY_EVALUATION_IMAGE="e")
    found: set[str] = set()
    for tool in (evaluation_run(spec(), url=url, limit=1), *benchmark_runs(spec(), url=url, run="r")):
        cluster = FakeCluster()
        run_tool(
            tool, spec=spec(), subject=subject(url=url), cluster=cluster,  # type: ignore[arg-type]  # a fake of ours
            environment=environment, bucket="b", hub="https://hub", say=print, on_log=print,
        )  # fmt: skip
        assert "a-hush-token" not in json.dumps(cluster.job)
        main = cluster.job["spec"]["template"]["spec"]["containers"][0]
        found |= {each["name"] for each in main["env"] if "valueFrom" in each}
    assert found == variables


def test_without_a_limit_all_questions_are_asked() -> None:
    """A full run would be a nightly one under another name."""
    assert "--limit" not in evaluation_run(spec(), url=URL, limit=None).command


def test_repeats_are_interleaved_and_their_warm_up_is_no_part_of_them() -> None:
    """A slow minute would hit one load alone, and a cold cache would be taken for slowness."""
    *repeats, rates = benchmark_runs(spec(), url=URL, run="r")
    assert [run.name for run in repeats] == ["guidellm/repeat-1", "guidellm/repeat-2", "guidellm/repeat-3"]
    warmup = {"value": 3, "mode": "duration"}
    for run in repeats:
        profile = json.loads(option(run.command, "--profile"))
        assert profile == {"kind": "concurrent", "streams": [1, 4], "warmup": warmup}
        assert option(run.command, "--constraint") == "kind=max_duration,seconds=13"
    assert json.loads(option(rates.command, "--profile")) == {"kind": "constant", "rate": [1, 2], "warmup": warmup}
    assert not rates.is_gated


def test_failure_10_guidellm_verifies_certificates() -> None:
    """It does not unless it is told to, and verification was patched off process-wide once.

    It is docs/failures.md, row 10.
    """
    for run in benchmark_runs(spec(), url=URL, run="r"):
        assert "verify=true" in option(run.command, "--backend").split(",")


def test_the_tools_trust_the_authorities_that_were_brought_and_no_others() -> None:
    """Each library reads another variable; one that is missed refuses the service, or trusts everybody."""
    told = tool_environment(hub="http://hub", own_authorities=True)
    assert told["SSL_CERT_FILE"] == told["REQUESTS_CA_BUNDLE"] == "/slipway/materials/authorities.pem"
    assert "SSL_CERT_FILE" not in tool_environment(hub="http://hub")


def test_what_is_brought_for_the_tools_holds_the_public_authorities_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SSL_CERT_FILE replaces the roots of the tool's image: the public Hub would not be trusted any more."""
    (tmp_path / "materials").mkdir()
    own = self_signed(tmp_path)
    monkeypatch.setenv("SLIPWAY_CA_BUNDLE", str(own))
    bring_authorities(tmp_path / "materials")
    brought = (tmp_path / "materials" / "authorities.pem").read_bytes()
    assert brought == combined_authorities(own)


def test_jobs_that_know_no_authorities_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tool that is told to trust a file that is not there fails in its TLS library's words."""
    monkeypatch.delenv("SLIPWAY_CA_BUNDLE", raising=False)
    with pytest.raises(NoAuthoritiesError, match=r"python -m flows\.apply_platform"):
        bring_authorities(tmp_path)


def test_with_data_from_the_bucket_nobody_asks_the_hub() -> None:
    """An air-gapped cluster would wait for a Hub that is not there."""
    told = tool_environment(hub=None)
    assert (told["HF_HUB_OFFLINE"], told["HF_DATASETS_OFFLINE"]) == ("1", "1")
    assert "HF_ENDPOINT" not in told


def test_each_run_of_a_tool_has_a_job_of_its_own() -> None:
    """A test that is repeated would find another's Job, or two repeats one Job."""
    tools = (evaluation_run(spec(), url=URL, limit=1), *benchmark_runs(spec(), url=URL, run="r"))
    names = {job_name(tool, model="m" * 60, run=run) for tool in tools for run in ("a", "b")}
    assert len(names) == 10
    assert all(len(name) <= 63 and "--" not in name for name in names)


def test_a_failure_is_told_with_its_last_word() -> None:
    """Sixty lines of a log would stand in the registry as the reason of a verdict."""
    log = "last lines of its log:\n  | Traceback\n  | ValueError: no\n  | \n"
    problem = f"cluster: Job x failed: code 1. Read its log.\n{log}"
    assert in_short(problem) == "cluster: Job x failed: code 1. Read its log. Its last word: ValueError: no"
    assert in_short("the service is busy") == "the service is busy"
