"""The figures as a picture: a panel for each case, on its own scale, and a bar for each contestant's seconds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
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
COLUMNS = 2
PANEL_INCHES = 5.4, 2.1


def draw(measured: Sequence[Measured], *, file: Path) -> None:
    """Draw the cases that have peers, as a PNG; none of them makes an empty picture."""
    shown = [each for each in measured if SNAPSHOT in each.runs]
    rows = max(-(-len(shown) // COLUMNS), 1)
    size = COLUMNS * PANEL_INCHES[0], rows * PANEL_INCHES[1] + 0.3
    with mpl.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=size, layout="constrained")
        panels = list(figure.subplots(rows, COLUMNS, squeeze=False).flat)
        for panel in panels:
            panel.set_axis_off()
        for panel, each in zip(panels, shown, strict=False):
            _panel(panel, each)
        figure.suptitle("seconds, medians; shorter is better", fontsize=9)
        figure.savefig(file, dpi=110)


def _panel(panel: Axes, measured: Measured) -> None:
    names = [name for name in COLOURS if name in measured.runs]
    panel.set_axis_on()
    bars = panel.barh(names, [seconds(measured, name) for name in names], color=[COLOURS[name] for name in names])
    panel.bar_label(bars, fmt="%.1f", fontsize=8, padding=2)
    panel.invert_yaxis()
    panel.margins(x=0.12)
    title = f"{measured.case.title}, {measured.size / MEGABYTE:,.0f} MB\n{measured.case.lines}"
    panel.set_title(title, fontsize=9, loc="left")
