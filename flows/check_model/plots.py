"""Pictures of one test: how right the answers were, and what each load did to speed and latency."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from flows.check_model.archive import PLOTS
from flows.check_model.measurement import Measurement, Missing
from flows.check_model.metrics import LoadResult
from flows.check_model.record import CheckRecord

NEW, OLD, CHANCE = "#1d4ed8", "#9ca3af", "#b91c1c"
_DPI = 110
_WIDTH = 0.36


def draw(record: CheckRecord, *, baseline: Measurement | None) -> dict[str, bytes]:
    """Draw a test's pictures as PNG, by their names below the run's prefix.

    Args:
        record: the test.
        baseline: what it was compared with, drawn beside it; None for a first run.
    """
    what = f"{record.subject.registered_model} {record.subject.version}"
    title = f"{what} (replica)" if record.subject.replica else what
    pictures = {}
    if not isinstance(record.evaluation, Missing):
        pictures[f"{PLOTS}accuracy.png"] = _accuracy(record.measurement, baseline=baseline, title=title)
    if not isinstance(record.benchmarks, Missing):
        pictures[f"{PLOTS}speed.png"] = _speed(record.measurement, baseline=baseline, title=title)
    return pictures


def png(figure: Figure) -> bytes:
    """Write a figure as PNG, without the time, so that equal figures give equal bytes."""
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=_DPI, metadata={"Software": None})
    return content.getvalue()


def _accuracy(measurement: Measurement, *, baseline: Measurement | None, title: str) -> bytes:
    figure = Figure(figsize=(7, 3.6), layout="constrained")
    axes = figure.subplots()
    tasks = [] if isinstance(measurement.evaluation, Missing) else [s.task for s in measurement.evaluation.scores]
    for offset, run, colour, label in _runs(measurement, baseline):
        for place, task in enumerate(tasks):
            score = run.score(task)
            if score is None:
                continue
            axes.bar(place + offset, score.accuracy, _WIDTH, color=colour, label=label if place == 0 else None)
            error = score.accuracy_stderr or 0
            axes.errorbar(place + offset, score.accuracy, yerr=error, color="black", capsize=4, linewidth=1)
            axes.annotate(f"{score.accuracy:.3f}", (place + offset, 0.03), ha="center", color="white")
            if run is measurement:
                axes.plot([place - 0.45, place + 0.45], [score.chance] * 2, color=CHANCE, linestyle="--", linewidth=1)
    axes.plot([], [], color=CHANCE, linestyle="--", linewidth=1, label="guessing")
    axes.set_xticks(range(len(tasks)), tasks)
    axes.set_ylim(0, 1.05)
    axes.set_ylabel("share of right answers ± stderr")
    _finish(axes, title=f"Accuracy of {title}")
    return png(figure)


def _speed(measurement: Measurement, *, baseline: Measurement | None, title: str) -> bytes:
    figure = Figure(figsize=(10, 3.8), layout="constrained")
    figure.suptitle(f"Speed of {title}: every repeat, and a line through the medians")
    views: Sequence[tuple[str, Callable[[LoadResult], float]]] = (
        ("output tokens/s", lambda each: each.output_tokens_per_second),
        ("time to first token p99, ms", lambda each: each.ttft_ms.p99),
        ("time per output token, mean, ms", lambda each: each.tpot_ms.mean),
    )
    for axes, (name, value) in zip(figure.subplots(1, len(views)), views, strict=True):
        loads = _concurrencies(measurement)
        for offset, run, colour, label in _runs(measurement, baseline):
            points = [(place, [value(each) for each in run.repeats(load)]) for place, load in enumerate(loads)]
            found = [(place, sorted(values)) for place, values in points if values]
            shift = offset / 4
            for place, values in found:
                axes.plot([place + shift] * len(values), values, "o", color=colour, markersize=4, alpha=0.7)
            medians = [values[(len(values) - 1) // 2] for _, values in found]
            axes.plot([place + shift for place, _ in found], medians, color=colour, label=label)
        axes.set_xticks(range(len(loads)), [str(load) for load in loads])
        axes.set_xlabel("requests in flight")
        axes.set_ylim(bottom=0)
        _finish(axes, title=name)
    return png(figure)


def _runs(measurement: Measurement, baseline: Measurement | None) -> list[tuple[float, Measurement, str, str]]:
    if baseline is None:
        return [(0.0, measurement, NEW, "this run")]
    return [(-_WIDTH / 2, baseline, OLD, "baseline"), (_WIDTH / 2, measurement, NEW, "this run")]


def _concurrencies(measurement: Measurement) -> list[int]:
    results = () if isinstance(measurement.benchmarks, Missing) else measurement.benchmarks.results
    return sorted({int(result.load.asked) for result in results})


def _finish(axes: Axes, *, title: str) -> None:
    axes.set_title(title, fontsize=10)
    axes.grid(axis="y", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=8, frameon=False)
