"""The command lines of lm-eval and GuideLLM for one service: pure.

Both ended with exit code 0 over measurements that were none, so nothing here is believed before the reports are read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from deployments.spec import ModelSpec
from flows.check_model.inside.materials import AUTHORITIES, TOKENIZER
from k8s.manifests.evaluation_job import MATERIALS, REPORTS, TOOL_HOME

SEED = 0
REPORT = "report.json"
"""GuideLLM's JSON output, and the other formats beside it."""
HTML = "report.html"

_CHOICES = 4
_EVALUATION_TOKEN = "OPENAI_API_KEY"  # noqa: S105 - a variable's name
# GuideLLM reads `api_key` of its --backend from here, and writes asterisks for it into report and log.
_BENCHMARK_TOKEN = "GUIDELLM__SPEC__BACKEND__API_KEY"  # noqa: S105 - a variable's name
_TOKENIZER = f"{MATERIALS}/{TOKENIZER}"
_AUTHORITIES = f"{MATERIALS}/{AUTHORITIES}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRun:
    """One run of a tool, as a Job runs it.

    Attributes:
        name: of its folder below the run's prefix, for example "guidellm/repeat-1".
        title: what people call it.
        command: its command line, with the paths of the Job's pod.
        seconds: about how long it takes, for a progress bar; None where nobody knows before.
        requests: about how many requests it makes; None where the clock ends it.
        is_gated: its loads have gates; the others are reported.
        token_variable: the variable that it takes a service's bearer token from, so that no argument holds one.
    """

    name: str
    title: str
    command: tuple[str, ...]
    seconds: float | None = None
    requests: int | None = None
    is_gated: bool = True
    token_variable: str = ""


def evaluation_run(spec: ModelSpec, *, url: str, limit: int | None) -> ToolRun:
    """The lm-eval run.

    As many requests are in flight as the engine admits: with lm-eval's default, one, an L4 would idle. A prompt that
    is longer than the model's context would be cut silently, so lm-eval is told the context's real length.

    Args:
        spec: the model.
        url: the service, without a path.
        limit: questions of each task; None for all.
    """
    arguments = {
        "base_url": f"{url}/v1/completions",
        "model": spec.serving.inference_service,
        "tokenizer": _TOKENIZER,
        "tokenizer_backend": "huggingface",
        "tokenized_requests": "False",
        "num_concurrent": str(spec.serving.max_num_seqs),
        "max_length": str(spec.serving.max_model_len),
    }
    command = (
        *("python", "-m", "lm_eval", "run"),
        *("--model", "local-completions"),
        *("--model_args", ",".join(f"{name}={value}" for name, value in arguments.items())),
        *("--tasks", *spec.evaluation.tasks),
        *("--seed", str(SEED)),
        *(() if limit is None else ("--limit", str(limit))),
        *("--log_samples", "--output_path", REPORTS),
    )
    # A request for each choice; four are usual.
    asked = None if limit is None else limit * _CHOICES * len(spec.evaluation.tasks)
    return ToolRun(name="lm-eval", title="lm-eval", command=command, requests=asked, token_variable=_EVALUATION_TOKEN)


def benchmark_runs(spec: ModelSpec, *, url: str, run: str) -> tuple[ToolRun, ...]:
    """GuideLLM's runs: one for each repeat, over all gated concurrencies, and one for the rates.

    Repeats are interleaved (1, 4, 16, then 1, 4, 16 again), so that a slow minute does not hit one load alone; and each
    is a run of its own, so that a tool that dies takes one repeat with it. Each has other prompts, also than last
    night's: the engine would answer equal ones from its prefix cache, and seem to become faster.

    Args:
        spec: the model.
        url: the service, without a path.
        run: the flow run that measures, which the prompts follow from.
    """
    benchmark = spec.benchmark
    repeats = tuple(
        _benchmark(
            spec,
            url=url,
            run=run,
            name=f"repeat-{number}",
            title=f"GuideLLM, repeat {number} of {benchmark.repeats}",
            profile={"kind": "concurrent", "streams": list(benchmark.gated_concurrencies)},
            loads=len(benchmark.gated_concurrencies),
        )
        for number in range(1, benchmark.repeats + 1)
    )
    if not benchmark.reported_rates:
        return repeats
    rates = _benchmark(
        spec,
        url=url,
        run=run,
        name="rates",
        title="GuideLLM, rates",
        profile={"kind": "constant", "rate": list(benchmark.reported_rates)},
        loads=len(benchmark.reported_rates),
    )
    return (*repeats, replace(rates, is_gated=False))


def _benchmark(
    spec: ModelSpec, *, url: str, run: str, name: str, title: str, profile: Mapping[str, Any], loads: int
) -> ToolRun:
    benchmark = spec.benchmark
    # Its clock runs from the first request: what is measured is what the warm-up leaves of it.
    seconds = benchmark.warmup_seconds + benchmark.duration_seconds
    warmup = {"value": benchmark.warmup_seconds, "mode": "duration"}
    backend = {
        "kind": "openai_http",
        "target": url,
        "model": spec.serving.inference_service,
        # GuideLLM does not verify certificates unless it is told to.
        "verify": "true",
    }
    command = (
        *("python", "-m", "guidellm", "run"),
        *("--backend", _pairs(backend)),
        *("--tokenizer", _pairs({"kind": "hf_auto", "model": _TOKENIZER})),
        *("--profile", json.dumps({**profile, "warmup": warmup}, separators=(",", ":"))),
        *("--constraint", _pairs({"kind": "max_duration", "seconds": seconds})),
        *("--data", _pairs(_data(spec))),
        *("--seed", _pairs({"kind": "static", "value": _seed(run, name)})),
        *("--output", f"kind=json,path={REPORTS}/{REPORT}"),
        *("--output", f"kind=html,path={REPORTS}/{HTML}"),
        "--disable-console-interactive",
    )
    return ToolRun(
        name=f"guidellm/{name}",
        title=title,
        command=command,
        seconds=loads * seconds,
        token_variable=_BENCHMARK_TOKEN,
    )


def _seed(*parts: str) -> int:
    return int.from_bytes(hashlib.sha256("/".join(parts).encode()).digest()[:4]) >> 1


def _data(spec: ModelSpec) -> dict[str, object]:
    return {
        "kind": "synthetic_text",
        "prompt_tokens": spec.benchmark.prompt_tokens,
        "output_tokens": spec.benchmark.output_tokens,
    }


def _pairs(values: Mapping[str, object]) -> str:
    return ",".join(f"{name}={value}" for name, value in values.items())


def tool_environment(*, hub: str | None, own_authorities: bool = False) -> dict[str, str]:
    """Variables of the tool; none of them is a secret.

    Args:
        hub: where the tasks' data is asked for; None where it was brought and nobody shall be asked.
        own_authorities: whether the materials have authorities of one's own; else the tool trusts those of its image.
    """
    variables = {
        "HF_HOME": f"{TOOL_HOME}/huggingface",
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    if hub is None:
        variables |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    else:
        variables["HF_ENDPOINT"] = hub
    if own_authorities:
        # OpenSSL, which httpx and aiohttp use, reads the first; requests reads the second.
        variables |= dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"), _AUTHORITIES)
    return variables


def data_command(spec: ModelSpec) -> tuple[str, ...]:
    """Make lm-eval load its tasks and ask no model: its `dummy` answers at random, one question a task."""
    tasks = ("--tasks", *spec.evaluation.tasks)
    return ("python", "-m", "lm_eval", "run", "--model", "dummy", *tasks, "--limit", "1")
