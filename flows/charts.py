"""What all charts share: a figure with a title that says the result, a note, and its bytes as PNG."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLOURS = ("#4c5f7a", "#e07b39", "#5a9a68", "#a05fa3")
"""One for each thing that is compared, in order; told apart also without red and green."""

_INK, _FAINT = "#1d2430", "#6b7280"
_DPI = 110


def figure(*, title: str, note: str, panels: Sequence[str], width: float = 12.0) -> tuple[Figure, list[Axes]]:
    """Make a figure of panels side by side.

    Args:
        title: the result, as a sentence.
        note: what a reader must know to trust it, below the panels.
        panels: a title for each panel.
        width: of the figure, in inches.
    """
    made = Figure(figsize=(width, 4.6), dpi=_DPI, layout="constrained", facecolor="white")
    made.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold", color=_INK)
    made.supxlabel(note, x=0.01, ha="left", fontsize=8, color=_FAINT)
    found = list(made.subplots(1, len(panels), squeeze=False)[0])
    for axes, heading in zip(found, panels, strict=True):
        axes.set_title(heading, loc="left", fontsize=10, color=_INK)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8, colors=_INK)
        axes.grid(axis="y", color="#e5e7eb", linewidth=0.8)
        axes.set_axisbelow(True)
    return made, found


def png(made: Figure) -> bytes:
    """Draw a figure."""
    content = io.BytesIO()
    made.savefig(content, format="png")
    return content.getvalue()


def inline(picture: bytes) -> str:
    """Write a PNG into a page of markdown: the bucket is closed, so a browser could not follow a link to it."""
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}"
