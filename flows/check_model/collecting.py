"""Reads what the tools left in S3; a part that cannot be read is missing, with its reason, and the others count."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

from deployments.spec import ModelSpec
from flows.check_model.archive import run_prefix
from flows.check_model.benchmark_report import read_benchmarks
from flows.check_model.errors import ReportError
from flows.check_model.evaluation_report import read_evaluation
from flows.check_model.measurement import Measurement, Missing
from flows.check_model.measuring import PROBLEM
from flows.check_model.metrics import Benchmarks, Evaluation
from flows.check_model.record import Subject, measured
from flows.check_model.tools import REPORT, ToolRun, benchmark_runs, evaluation_run

if TYPE_CHECKING:
    from blocks.object_store import StoreClient

LIMIT_BYTES = 1 << 30
"""A GuideLLM report of a server that fails fast has 20 MB for every 2,500 requests."""

T = TypeVar("T")


def collect(client: StoreClient, *, spec: ModelSpec, subject: Subject) -> Measurement:
    """Read one run's reports.

    Args:
        client: the bucket.
        spec: the model; what it declares is what is looked for.
        subject: the run.
    """
    prefix = run_prefix(subject.registered_model, subject.version, run=subject.run)
    evaluation = evaluation_run(spec, url=subject.url, limit=subject.limit)
    runs = benchmark_runs(spec, url=subject.url, run=subject.run)
    repeats = [_read(client, prefix, tool=run, read=_benchmarks) for run in runs if run.is_gated]
    rates = [_read(client, prefix, tool=run, read=_benchmarks) for run in runs if not run.is_gated]
    return measured(
        subject,
        evaluation=_read(client, prefix, tool=evaluation, read=_evaluation),
        benchmarks=joined(repeats),
        saturation=joined(rates),
    )


def joined(parts: list[Benchmarks | Missing]) -> Benchmarks | Missing:
    """Put GuideLLM's runs together: all results in their order, and why a run is missing if one is.

    Args:
        parts: the runs; none is as good as one that is missing.
    """
    found = [part for part in parts if isinstance(part, Benchmarks)]
    problems = tuple(part.reason for part in parts if isinstance(part, Missing))
    if not found:
        return Missing(reason="; ".join(dict.fromkeys(problems)) or "nothing was asked for")
    first = found[0]
    for other in found[1:]:
        if other.setup.without_seed() != first.setup.without_seed():
            return Missing(reason="GuideLLM's runs were asked for different things, so they are no repeats")
    return Benchmarks(
        setup=first.setup, results=tuple(result for part in found for result in part.results), problems=problems
    )


def _read(
    client: StoreClient,
    prefix: str,
    *,
    tool: ToolRun,
    read: Callable[[Mapping[str, bytes], str], T],
) -> T | Missing:
    folder = f"{prefix}{tool.name}/"
    files = {entry.key.removeprefix(folder): entry.key for entry in client.list(folder)}
    if PROBLEM in files:
        content, _ = client.get(files[PROBLEM], limit_bytes=LIMIT_BYTES)
        return Missing(reason=in_short(content.decode()))
    if not files:
        return Missing(reason=f"{tool.title} left no report")
    # Only what a reader asks for is loaded; GuideLLM's HTML is for people.
    wanted = {name: key for name, key in files.items() if name.endswith((".json", ".jsonl"))}
    contents = {name: client.get(key, limit_bytes=LIMIT_BYTES)[0] for name, key in wanted.items()}
    try:
        return read(contents, f"s3://{client.bucket}/{folder}")
    except ReportError as error:
        return Missing(reason=str(error))


def in_short(problem: str) -> str:
    """A problem as one sentence, with the last word of the log that may follow it; the file has all of it."""
    first, *rest = [line.strip(" |") for line in problem.strip().splitlines()] or [""]
    last = next((line for line in reversed(rest) if line), "")
    return f"{first} Its last word: {last}" if last else first


def _evaluation(files: Mapping[str, bytes], uri: str) -> Evaluation:
    name = _one(files, "results_*.json", tool="lm-eval", uri=uri)
    samples = {_task(path): content for path, content in files.items() if _matches(path, "samples_*.jsonl")}
    return read_evaluation(files[name], samples=samples, report=uri + name)


def _benchmarks(files: Mapping[str, bytes], uri: str) -> Benchmarks:
    return read_benchmarks(files[_one(files, REPORT, tool="GuideLLM", uri=uri)], report=uri + REPORT)


def _one(files: Mapping[str, bytes], pattern: str, *, tool: str, uri: str) -> str:
    found = [path for path in files if _matches(path, pattern)]
    if len(found) != 1:
        raise ReportError(
            tool=tool, report=uri, place=pattern, reason=f"{len(found) or 'no'} such files are there, and one is wanted"
        )
    return found[0]


def _matches(path: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(path.rpartition("/")[2], pattern)


def _task(path: str) -> str:
    """The task of a samples file: samples_hellaswag_2026-11-23T20-00-00.000000.jsonl."""
    return path.rpartition("/")[2].removeprefix("samples_").rpartition("_")[0]
