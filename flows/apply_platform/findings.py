"""Findings as text: small enough for a pod's last word, and as a table for a terminal; pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from flows.preflight import Finding

_LARGEST_MESSAGE = 4096
_LONGEST_DETAIL = 400


def write_findings(findings: Iterable[Finding]) -> str:
    """Write findings as JSON of at most 4 KiB: a cluster keeps no more of a pod's last word."""
    rows = [(each.name, each.ok, each.detail) for each in findings]
    longest = _LONGEST_DETAIL
    while len(text := json.dumps([[name, ok, detail[:longest]] for name, ok, detail in rows])) > _LARGEST_MESSAGE:
        longest //= 2
    return text


def read_findings(message: str) -> tuple[Finding, ...]:
    """Read what `write_findings` wrote.

    Raises:
        ValueError: it is something else.
    """
    try:
        return tuple(Finding(str(name), ok=bool(ok), detail=str(detail)) for name, ok, detail in json.loads(message))
    except TypeError as error:
        raise ValueError(message) from error


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Lay rows out in columns, the last of which may be of any length."""
    widths = [max(map(len, column)) for column in list(zip(*rows, strict=True))[:-1]]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]) for row in rows
    )


def as_table(findings: Iterable[Finding]) -> str:
    """Lay findings out for a terminal."""
    return aligned([("ok" if each.ok else "PROBLEM", each.name, each.detail) for each in findings])
