"""The figures as a picture: rates of all contestants, a group of bars for each case."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.contestants import COMMANDS, DOWNLOAD, FLOW, SNAPSHOT, TRANSFER, UPLOAD
from benchmarks.report import MEGABYTE, seconds
from benchmarks.runs import Measured

COLOURS = {
    FLOW: "#1b5e8c",
    TRANSFER: "#4a9cc9",
    SNAPSHOT: "#d98b3a",
    COMMANDS: "#e9b872",
    DOWNLOAD: "#b0b0b0",
    UPLOAD: "#808080",
}
BAR = 0.14


def draw(measured: Sequence[Measured], *, file: Path) -> None:
    """Draw the cases in which something moves against the clock of peers or limits, as a PNG."""
    shown = [each for each in measured if each.case.before == "nothing" and each.case.runs > 1]
    with mpl.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(11, 4.5), layout="constrained")
        axes = figure.subplots()
        for number, (name, colour) in enumerate(COLOURS.items()):
            places = [place + (number - 2.5) * BAR for place, each in enumerate(shown) if name in each.runs]
            rates = [each.size / seconds(each, name) / MEGABYTE for each in shown if name in each.runs]
            bars = axes.bar(places, rates, BAR, color=colour, label=name)
            axes.bar_label(bars, fmt="%.0f", fontsize=7)
        titles = [f"{each.case.title}\n{each.size / MEGABYTE:,.0f} MB\n{each.case.lines}" for each in shown]
        axes.set_xticks(range(len(shown)), titles)
        axes.set_ylabel("MB/s, median")
        axes.legend(frameon=False, ncols=3)
        figure.savefig(file, dpi=110)
