"""Puts a report and its chart into docs/performance.md, in the place of the last ones."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE = DOCS / "performance.md"
CHART = DOCS / "images" / "performance.png"
MEASURED = re.compile(r"(?<=<!-- measured -->\n).*(?=<!-- /measured -->)", re.DOTALL)


def publish_report(lines: Sequence[str], *, chart: Path) -> None:
    """Replace what the page says was measured; what people wrote around it stays.

    Args:
        lines: the report as printed.
        chart: a PNG.
    """
    shutil.copyfile(chart, CHART)
    report = "\n".join(("```text", *lines, "```"))
    picture = f"![Seconds of all contestants, case by case](images/{CHART.name})"
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(MEASURED.sub(lambda _: f"{picture}\n\n{report}\n", page), encoding="utf-8")
