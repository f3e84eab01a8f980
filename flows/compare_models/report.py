"""The comparison for people: rows of a table, and a page of markdown. What is unknown is shown as unknown."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from flows.charts import inline
from flows.compare_models.comparison import Comparison
from flows.compare_models.contrast import AccuracyContrast, Interval

UNKNOWN = "unknown"

_SPEED_NAMES = {
    "output_tokens_per_second": "output tokens/s",
    "ttft_ms": "TTFT, ms",
    "itl_ms": "ITL, ms",
    "latency_seconds": "latency, s",
}
_REPLICAS = (
    "**These are sandbox replicas, not the real models.** Speeds are those of a CPU, prices those of the real models' "
    "nodes: nothing here says what the real ones do or cost."
)
_GIGABYTE = 1e9
_WHOLE = 100.0
"""From here on a figure needs no digits behind the point."""
Row = dict[str, str]


def rows(comparison: Comparison) -> list[Row]:
    """All figures as rows of metric, reference, candidate and difference."""
    return [*_key_metrics(comparison), *_accuracies(comparison), *_speeds(comparison), *_prices(comparison)]


def markdown(comparison: Comparison, *, picture: bytes, folder: str, run_url: str) -> str:
    """The comparison as a page.

    Args:
        comparison: what was compared.
        picture: its chart as PNG.
        folder: where its files are, `s3://…/`.
        run_url: the flow run's page; empty if unknown.
    """
    reference, candidate = comparison.reference, comparison.candidate
    lines = [f"# {candidate.key} beside {reference.key}", "", f"**{comparison.recommendation.sentence}**", ""]
    if comparison.replicas:
        lines += [_REPLICAS, ""]
    lines += [f"![{candidate.key} beside {reference.key}]({inline(picture)})", ""]
    sections = {
        "Key metrics": list(_key_metrics(comparison)),
        "Accuracy": list(_accuracies(comparison)),
        "Speed": list(_speeds(comparison)),
        "Price": list(_prices(comparison)),
    }
    for title, found in sections.items():
        lines += [f"## {title}", "", *_table(found or [{"": "nothing was measured"}]), ""]
    lines += [f"Differences and ratios are {candidate.key}'s against {reference.key}'s, with 95% intervals.", ""]
    for problem in dict.fromkeys(_problems(comparison)):
        lines.append(f"- {problem}")
    lines += ["", f"The picture, and all figures for machines: `{folder}`", ""]
    for side in (reference, candidate):
        run = f"[{side.run}]({side.run_url})" if side.run_url else f"`{side.run}`"
        lines.append(f"- {side.key}: {side.name} on {side.hardware}, tested {side.tested} by {run}: {side.verdict}")
    return "\n".join([*lines, "", f"Compared by {run_url}" if run_url else "", ""])


def _table(found: list[Row]) -> Iterator[str]:
    names = list(found[0])
    yield "| " + " | ".join(names) + " |"
    yield "|" + "---|" * len(names)
    for row in found:
        yield "| " + " | ".join(row[name] for name in names) + " |"


def _row(comparison: Comparison, metric: str, reference: str, candidate: str, change: str) -> Row:
    return {
        "metric": metric,
        comparison.reference.key: reference,
        comparison.candidate.key: candidate,
        "difference": change,
    }


def _key_metrics(comparison: Comparison) -> Iterator[Row]:
    reference, candidate = comparison.reference, comparison.candidate
    figures: dict[str, tuple[float | None, float | None, Callable[[float], str]]] = {
        "imported": (reference.imported_bytes, candidate.imported_bytes, _size),
        "weights on each device": (reference.weights_gib, candidate.weights_gib, lambda value: f"{value:g} GiB"),
        "KV cache": (reference.kv_cache_tokens, candidate.kv_cache_tokens, lambda value: f"{value:,.0f} tokens"),
        "load time": (reference.load_seconds, candidate.load_seconds, lambda value: f"{value:.0f} s"),
        "node, as the catalog declares": (
            reference.cost_per_hour_usd, candidate.cost_per_hour_usd, lambda value: f"{value:g} USD/h"
        ),
    }  # fmt: skip
    for name, (before, after, show) in figures.items():
        # Each was taken once, so there is no interval.
        change = f"{after / before:.2f} times" if before and after is not None else ""
        yield _row(comparison, name, _known(before, show), _known(after, show), change)
    yield _row(comparison, "hardware", reference.hardware, candidate.hardware, "")


def _size(value: float) -> str:
    return f"{value / _GIGABYTE:.3g} GB" if value >= _GIGABYTE / 10 else f"{value / 1e6:.3g} MB"


def _accuracies(comparison: Comparison) -> Iterator[Row]:
    for contrast in comparison.accuracies:
        yield _row(comparison, contrast.name, _share(contrast.reference), _share(contrast.candidate), _points(contrast))


def _speeds(comparison: Comparison) -> Iterator[Row]:
    for contrast in comparison.speeds:
        name = f"{_SPEED_NAMES[contrast.metric]} at {contrast.concurrency} in flight"
        yield _row(comparison, name, _figure(contrast.reference), _figure(contrast.candidate), _times(contrast.ratio))


def _prices(comparison: Comparison) -> Iterator[Row]:
    keys = comparison.reference.key, comparison.candidate.key
    last = {key: max((price.concurrency for price in comparison.prices if price.key == key), default=0) for key in keys}
    for concurrency in sorted({price.concurrency for price in comparison.prices}):
        found = {price.key: price for price in comparison.prices if price.concurrency == concurrency}
        shown = [_usd(found[key].usd_per_million) if key in found else "not measured" for key in keys]
        yield _row(comparison, f"a million output tokens at {concurrency} in flight", shown[0], shown[1], "")
    batches = [f"at {last[key]}" for key in keys]
    change = _times(comparison.price_ratio)
    yield _row(comparison, "the same, each at its full batch", batches[0], batches[1], change)


def _problems(comparison: Comparison) -> Iterator[str]:
    for accuracy in comparison.accuracies:
        yield from (f"{accuracy.name} is not compared: {reason}" for reason in accuracy.reasons)
    for speed in comparison.speeds:
        yield from (f"speeds at {speed.concurrency} in flight are not compared: {reason}" for reason in speed.reasons)


def _known(value: float | None, show: Callable[[float], str]) -> str:
    return UNKNOWN if value is None else show(value)


def _share(value: float | None) -> str:
    return _known(value, lambda known: f"{known:.3f}")


def _figure(value: float | None) -> str:
    return _known(value, lambda known: f"{known:.3g}" if known < _WHOLE else f"{known:,.0f}")


def _usd(value: float | None) -> str:
    return _known(value, lambda known: f"{known:.2f} USD")


def _points(contrast: AccuracyContrast) -> str:
    if contrast.difference is None:
        return "not comparable"
    value, lower, upper = (100 * end for end in _ends(contrast.difference))
    return f"{value:+.1f} points ({lower:+.1f} to {upper:+.1f})"


def _times(ratio: Interval | None) -> str:
    if ratio is None:
        return "not comparable"
    value, lower, upper = _ends(ratio)
    return f"{value:.2f} times ({lower:.2f} to {upper:.2f})"


def _ends(interval: Interval) -> tuple[float, float, float]:
    return interval.value, interval.lower, interval.upper
