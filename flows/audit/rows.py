"""One row of an audit: what was looked at, how grave it is, and the next command; pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    """How grave a finding is, the gravest first.

    DAMAGE breaks a promise: somebody was told that something is there, or is so, and it is not. Only this fails an
    audit. LEFTOVER takes space, or was not finished. ABSENT was never promised. FINE is as it should be.
    """

    DAMAGE = "damage"
    LEFTOVER = "leftover"
    ABSENT = "absent"
    FINE = "fine"


@dataclass(frozen=True, slots=True)
class Row:
    """A finding.

    Attributes:
        grade: how grave it is.
        subject: what was looked at: a version, a service, an object.
        said: what was found.
        then: the next command; empty where there is nothing to do.
    """

    grade: Grade
    subject: str
    said: str
    then: str = ""


def counted(number: int, noun: str) -> str:
    """Say a number of things: "1 object", "2 objects"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def by_gravity(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Sort rows, the gravest first, and by subject within a grade."""
    order = list(Grade)
    return tuple(sorted(rows, key=lambda row: (order.index(row.grade), row.subject, row.said)))


def table(rows: Iterable[Row]) -> list[dict[str, str]]:
    """Lay rows out for a Prefect table artifact."""
    return [{"state": row.grade.value, "what": row.subject, "found": row.said, "next": row.then or "-"} for row in rows]


def summary(rows: Iterable[Row]) -> str:
    """Count the rows of each grade in one line."""
    counts = dict.fromkeys(Grade, 0)
    for row in rows:
        counts[row.grade] += 1
    return ", ".join(f"{count} {grade.value}" for grade, count in counts.items())


def markdown(rows: Iterable[Row], *, bucket: str) -> str:
    """Tell an audit to a person: the counts, what is damaged and what is left over, each with its command."""
    found = tuple(rows)
    lines = [f"# Audit of s3://{bucket}", "", f"{summary(found)}.", ""]
    for grade, title in ((Grade.DAMAGE, "Damage"), (Grade.LEFTOVER, "Left over"), (Grade.ABSENT, "Absent")):
        chosen = [row for row in found if row.grade is grade]
        if chosen:
            lines += [f"## {title}", ""]
            for row in chosen:
                lines.append(f"- **{row.subject}**: {row.said}" + (f"\n  `{row.then}`" if row.then else ""))
            lines.append("")
    return "\n".join(lines)
