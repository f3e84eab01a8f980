"""Recognizes what a log says: a line's pattern, what it means, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from k8s.diagnosis import Category


@dataclass(frozen=True, kw_only=True)
class Symptom:
    """One kind of line in a log.

    Attributes:
        pattern: a regular expression; its named groups and `recognize`'s facts can be used in the two texts.
        category: what it means.
        sentence: what is wrong, as a format string of the groups.
        remedy: what to change, as a format string of the groups; without a full stop.
        transient: whether another start can go better without anybody acting.
    """

    pattern: str
    category: Category
    sentence: str
    remedy: str
    transient: bool = False


@dataclass(frozen=True, kw_only=True)
class Recognized:
    """A symptom that was found in a log, its texts filled in."""

    category: Category
    transient: bool
    sentence: str
    remedy: str


def recognize(symptoms: Sequence[Symptom], lines: Iterable[str], **facts: str) -> Recognized | None:
    """Return the first symptom of the table that a log shows, or None.

    The table's order decides, not the log's: one error draws a chain of others behind it, which say less.

    Args:
        symptoms: the table, the most telling first.
        lines: the log.
        **facts: what the texts name besides the groups, such as `model`.
    """
    text = "\n".join(lines)
    for symptom in symptoms:
        found = re.search(symptom.pattern, text)
        if found is not None:
            groups = {name: value or "?" for name, value in found.groupdict().items()}
            return Recognized(
                category=symptom.category,
                transient=symptom.transient,
                sentence=symptom.sentence.format(**groups, **facts),
                remedy=symptom.remedy.format(**groups, **facts),
            )
    return None
