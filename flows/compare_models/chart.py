"""The comparison as one picture: accuracy, speed and price of both variants."""

from __future__ import annotations

import textwrap

from matplotlib.axes import Axes

from flows.charts import COLOURS, figure, png
from flows.compare_models.comparison import Comparison

_TITLE_WIDTH = 115
_BAR = 0.36
_WHOLE = 100.0
_INK = "#1d2430"


def chart(comparison: Comparison) -> bytes:
    """Draw the comparison as PNG."""
    reference, candidate = comparison.reference, comparison.candidate
    # A picture travels without its page: what it must not be taken for stands in its first line.
    warning = "Sandbox replicas on a CPU, not the real models. " if comparison.replicas else ""
    title = "\n".join(textwrap.wrap(warning + comparison.recommendation.sentence, _TITLE_WIDTH))
    note = f"Tested {reference.key}: {reference.tested}, {candidate.key}: {candidate.tested}"
    panels = (
        f"Accuracy: {candidate.key} less {reference.key}, points, 95%",
        "Output tokens a second",
        "USD for a million output tokens",
    )
    made, (accuracy, speed, price) = figure(title=title, note=note, panels=panels)
    _accuracy(accuracy, comparison)
    _by_load(speed, comparison, attribute="tokens_per_second")
    _by_load(price, comparison, attribute="usd_per_million")
    speed.legend(loc="upper left", fontsize=8, frameon=False)
    return png(made)


def _accuracy(axes: Axes, comparison: Comparison) -> None:
    """Draw differences with their intervals, and the drop that matters: two bars of 0.97 and 0.98 say nothing."""
    names = []
    for place, contrast in enumerate(comparison.accuracies):
        if contrast.margin is not None:
            axes.plot([-100 * contrast.margin] * 2, [place - 0.3, place + 0.3], color="#b91c1c", linewidth=2)
        if contrast.difference is None or contrast.reference is None or contrast.candidate is None:
            names.append(f"{contrast.name}\nnot comparable".replace("_", " "))
            continue
        lower, value, upper = (
            100 * end for end in (contrast.difference.lower, contrast.difference.value, contrast.difference.upper)
        )
        axes.plot([lower, upper], [place, place], color=_INK, linewidth=1.4)
        axes.plot([value], [place], marker="o", markersize=6, color=COLOURS[1])
        names.append(f"{contrast.name}\n{contrast.reference:.3f} → {contrast.candidate:.3f}".replace("_", " "))
    axes.axvline(0, color=COLOURS[0], linewidth=1)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", color="#e5e7eb", linewidth=0.8)
    axes.set_xlabel("the red mark is the drop that matters", fontsize=8, color=_INK)


def _by_load(axes: Axes, comparison: Comparison, *, attribute: str) -> None:
    loads = sorted({price.concurrency for price in comparison.prices})
    for side, (key, offset) in enumerate(_sides(comparison)):
        found = {price.concurrency: getattr(price, attribute) for price in comparison.prices if price.key == key}
        known = [(place, found[load]) for place, load in enumerate(loads) if found.get(load) is not None]
        bars = axes.bar(
            [place + offset for place, _ in known],
            [value for _, value in known],
            width=_BAR,
            color=COLOURS[side],
            label=key,
        )
        axes.bar_label(bars, labels=[_short(value) for _, value in known], fontsize=7, padding=2)
    axes.set_xticks(range(len(loads)), [f"{load} in flight" for load in loads])
    axes.margins(y=0.18)
    axes.grid(axis="x", visible=False)


def _short(value: float) -> str:
    return f"{value:.3g}" if value < _WHOLE else f"{value:,.0f}"


def _sides(comparison: Comparison) -> tuple[tuple[str, float], tuple[str, float]]:
    return (comparison.reference.key, -_BAR / 2), (comparison.candidate.key, _BAR / 2)
