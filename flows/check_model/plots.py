"""Pictures of one test: how right the answers were, and what each load did to speed and latency."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from matplotlib.axes import Axes

from flows.charts import COLOURS, figure, png
from flows.check_model.archive import PLOTS
from flows.check_model.measurement import Measurement, Missing
from flows.check_model.metrics import LoadResult
from flows.check_model.record import CheckRecord

_WIDTH = 0.36
_NEW, _OLD, _GUESS = COLOURS[1], COLOURS[0], "#6b7280"

Runs = Sequence[tuple[float, Measurement, str, str]]
"""Runs to draw: how far beside a tick's place, the run, its colour, its name."""

_SPEEDS: Sequence[tuple[str, Callable[[LoadResult], float]]] = (
    ("output tokens/s", lambda each: each.output_tokens_per_second),
    ("time to first token p99, ms", lambda each: each.ttft_ms.p99),
    ("time per output token, mean, ms", lambda each: each.tpot_ms.mean),
)


def draw(record: CheckRecord, *, baseline: Measurement | None) -> dict[str, bytes]:
    """Draw a test's pictures as PNG, by their names below the run's prefix.

    Args:
        record: the test.
        baseline: what it was compared with, drawn beside it; None for a first run.
    """
    subject, measurement = record.subject, record.measurement
    what = f"{subject.registered_model} {subject.version}: {record.judgement.verdict}"
    note = f"run {subject.run}, {subject.started[:10]}" + (
        "; a replica of the sandbox, not the real model" if subject.replica else ""
    )
    runs = [(0.0, measurement, _NEW, "this run")]
    if baseline is not None:
        half = _WIDTH / 2
        runs = [(-half, baseline, _OLD, "baseline"), (half, measurement, _NEW, "this run")]
    pictures = {}
    if not isinstance(record.evaluation, Missing):
        tasks = [score.task for score in record.evaluation.scores]
        made, (axes,) = figure(title=what, note=note, panels=["share of right answers, ± one stderr"], width=7.0)
        _accuracies(axes, runs, tasks=tasks)
        pictures[f"{PLOTS}accuracy.png"] = png(made)
    if not isinstance(record.benchmarks, Missing):
        loads = sorted({int(result.load.asked) for result in record.benchmarks.results})
        note = f"every repeat, and a line through the medians; {note}"
        made, panels = figure(title=what, note=note, panels=[name for name, _ in _SPEEDS])
        for axes, (_, value) in zip(panels, _SPEEDS, strict=True):
            _speeds(axes, runs, loads=loads, value=value)
        pictures[f"{PLOTS}speed.png"] = png(made)
    return pictures


def _accuracies(axes: Axes, runs: Runs, *, tasks: Sequence[str]) -> None:
    for offset, run, colour, label in runs:
        for place, score in enumerate(map(run.score, tasks)):
            if score is None:
                continue
            at = place + offset
            axes.bar(at, score.accuracy, _WIDTH, color=colour, label=label if place == 0 else None)
            axes.errorbar(at, score.accuracy, yerr=score.accuracy_stderr or 0, color="black", capsize=4, linewidth=1)
            axes.annotate(f"{score.accuracy:.3f}", (at, 0.04), ha="center", color="white", fontsize=9)
            axes.plot([place - 0.45, place + 0.45], [score.chance] * 2, color=_GUESS, linestyle="--", linewidth=1)
    axes.plot([], [], color=_GUESS, linestyle="--", linewidth=1, label="guessing")
    axes.set_xticks(range(len(tasks)), list(tasks))
    axes.set_ylim(0, 1.08)
    axes.legend(fontsize=8, frameon=False, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.06))


def _speeds(axes: Axes, runs: Runs, *, loads: Sequence[int], value: Callable[[LoadResult], float]) -> None:
    for offset, run, colour, label in runs:
        repeats = [(place + offset / 4, sorted(map(value, run.repeats(load)))) for place, load in enumerate(loads)]
        found = [(at, values) for at, values in repeats if values]
        for at, values in found:
            axes.plot([at] * len(values), values, "o", color=colour, markersize=4, alpha=0.6)
        medians = [values[(len(values) - 1) // 2] for _, values in found]
        axes.plot([at for at, _ in found], medians, color=colour, label=label)
    axes.set_xticks(range(len(loads)), [str(load) for load in loads])
    axes.set_xlabel("requests in flight", fontsize=8)
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=8, frameon=False)
