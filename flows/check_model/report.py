"""A test as people read it: the verdict first, then what decided, then every figure: pure."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence

from flows.check_model.checks import Check
from flows.check_model.measurement import Missing
from flows.check_model.metrics import Benchmarks, LoadResult, TaskScore
from flows.check_model.record import CheckRecord
from flows.check_model.verdicts import Verdict

_MARKS = {
    Verdict.INVALID: "INVALID",
    Verdict.REGRESSED: "REGRESSED",
    Verdict.NOT_COMPARABLE: "not comparable",
    Verdict.INCONCLUSIVE: "inconclusive",
    Verdict.IMPROVED: "improved",
    Verdict.PASS: "ok",
}
_SHOWN_DIGEST = 12


def gate_rows(record: CheckRecord) -> list[dict[str, str]]:
    """Every gate as a row of a Prefect table, the gravest first."""
    order = list(Verdict)
    checks = sorted(_checks(record), key=lambda check: order.index(check.verdict))
    return [{"gate": each.name, "answer": _MARKS[each.verdict], "what was seen": each.sentence} for each in checks]


def markdown(record: CheckRecord, *, uri: str, pictures: Mapping[str, str]) -> str:
    """Write the report.

    Args:
        record: the test.
        uri: where everything is, with a trailing slash.
        pictures: an address for each picture, by its title.
    """
    subject = record.subject
    lines = [
        f"# {record.judgement.verdict.upper()}: {subject.registered_model} {subject.version}",
        "",
        f"**{record.judgement.sentence}**",
        "",
        *(
            [f"> A replica of the sandbox, described by {subject.replica}: not the real model.", ""]
            if subject.replica
            else []
        ),
        *_decisive(record),
        *_against(record),
        *_pictures(pictures),
        *_accuracies(record),
        *_speeds("Speed with so many requests in flight", record.benchmarks),
        *_speeds("Saturation, reported and not gated", record.saturation),
        *_facts(record, uri=uri),
    ]
    return "\n".join(lines)


def _checks(record: CheckRecord) -> tuple[Check, ...]:
    return (*record.judgement.absolute, *record.judgement.comparisons)


def _decisive(record: CheckRecord) -> Iterator[str]:
    found = [check for check in _checks(record) if check.verdict is not Verdict.PASS]
    if found:
        yield from ("## What is not as it should be", "")
        order = list(Verdict)
        for check in sorted(found, key=lambda each: order.index(each.verdict)):
            yield f"- **{check.name}**, {_MARKS[check.verdict]}: {check.sentence}"
        yield ""


def _against(record: CheckRecord) -> Iterator[str]:
    judgement = record.judgement
    yield from ("## Against the baseline", "")
    if judgement.baseline is None:
        becomes = "It is the baseline from now on." if judgement.becomes_baseline else "It did not become the baseline."
        yield from (f"There was none: this run was judged by the spec's limits alone. {becomes}", "")
        if judgement.becomes_baseline:
            yield from _noise(record)
        return
    yield from (f"The baseline is run `{judgement.baseline}`.", "")
    yield from _noise(record)
    yield from ("| primary | answer | seen |", "|---|---|---|")
    for check in judgement.comparisons:
        yield f"| {check.name} | {_MARKS[check.verdict]} | {check.sentence} |"
    changed = [f"- {name}: `{change}`" for name, change in judgement.treatments.items()]
    yield from ("", *(["Changed since then:", "", *changed] if changed else ["Nothing was changed since then."]), "")


def _noise(record: CheckRecord) -> Iterator[str]:
    noise = record.judgement.noise
    if noise:
        yield (
            f"> **The baseline is noisy**: {'; '.join(noise)}. A regression could not be told from its noise. "
            "Test in a quiet hour, then make that run the baseline: "
            f"`python -m flows.check_model baseline {record.subject.model} --run <flow run id>`"
        )
        yield ""


def _pictures(pictures: Mapping[str, str]) -> Iterator[str]:
    for title, address in pictures.items():
        yield from (f"![{title}]({address})", "")


def _accuracies(record: CheckRecord) -> Iterator[str]:
    yield from ("## Accuracy", "")
    if isinstance(record.evaluation, Missing):
        yield from (f"Not measured: {record.evaluation.reason}", "")
        return
    yield from ("| task | questions | accuracy | normalised | guessing |", "|---|--:|--:|--:|--:|")
    for score in record.evaluation.scores:
        yield _accuracy_row(score)
    yield ""


def _accuracy_row(score: TaskScore) -> str:
    return (
        f"| {score.task} | {score.asked} of {score.available} | {_with_error(score.accuracy, score.accuracy_stderr)} "
        f"| {_with_error(score.normalised, score.normalised_stderr)} | {score.chance:.3f} |"
    )


def _with_error(value: float | None, error: float | None) -> str:
    if value is None:
        return "none"
    return f"{value:.3f}" if error is None else f"{value:.3f} ± {error:.3f}"


def _speeds(title: str, found: Benchmarks | Missing) -> Iterator[str]:
    yield from (f"## {title}", "")
    if isinstance(found, Missing):
        yield from (f"Not measured: {found.reason}", "")
        return
    results = found.results
    yield "Medians of the repeats, with their least and their most where there are several."
    yield ""
    yield "| load | requests/s | output tokens/s | TTFT p99, ms | ITL p99, ms | latency p99, s | failed | repeats |"
    yield "|--:|--:|--:|--:|--:|--:|--:|--:|"
    for load in dict.fromkeys(result.load for result in results):
        repeats = [result for result in results if result.load == load]
        cells = (
            _spread(repeats, lambda each: each.requests_per_second),
            _spread(repeats, lambda each: each.output_tokens_per_second),
            _spread(repeats, lambda each: each.ttft_ms.p99),
            _spread(repeats, lambda each: each.itl_ms.p99),
            _spread(repeats, lambda each: each.latency_seconds.p99),
            f"{sum(each.errored for each in repeats)}",
            f"{len(repeats)}",
        )
        yield f"| {load} | {' | '.join(cells)} |"
    yield ""
    warnings = [warning for result in results for warning in result.warnings]
    if warnings:
        often = "once" if len(warnings) == 1 else f"{len(warnings)} times"
        yield from (f"GuideLLM itself warned {often}; the last: {warnings[-1]}", "")


def _spread(repeats: Sequence[LoadResult], value: Callable[[LoadResult], float]) -> str:
    values = [value(result) for result in repeats]
    middle = _figure(statistics.median_low(values))
    return middle if len(values) == 1 else f"{middle} ({_figure(min(values))} to {_figure(max(values))})"


def _figure(value: float) -> str:
    return f"{value:.3g}" if value < 1 else f"{value:,.1f}"


def _facts(record: CheckRecord, *, uri: str) -> Iterator[str]:
    subject = record.subject
    hardware = f"{subject.hardware.count} x {subject.hardware.product}" if subject.hardware.count else "a CPU"
    facts = {
        "service": f"{subject.service} in {subject.namespace}, {subject.revision}, asked at {subject.url}",
        "hardware": hardware,
        "weights": f"manifest {subject.treatment.manifest_sha256[:_SHOWN_DIGEST]}, commit {subject.commit}",
        "image": subject.image,
        "vLLM arguments": f"`{' '.join(subject.treatment.vllm_args)}`",
        "tools": ", ".join(f"{name} {version}" for name, version in record.tools.items()),
        "environment": ", ".join(f"{name} {value}" for name, value in subject.environment.items()),
        "measured": f"{subject.started} to {record.finished}, by [{subject.run}]({subject.run_url})",
        "all of it": f"`aws s3 ls --recursive {uri}`",
    }
    yield from ("## What was tested, and how", "", "| | |", "|---|---|")
    yield from (f"| {name} | {value} |" for name, value in facts.items())
    yield ""
