"""What a test can end in, and which Prefect state each verdict is."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Literal


class Verdict(StrEnum):
    """A gate's answer, and a run's: a run has the gravest answer of its gates.

    The order of declaration is the order of gravity, the gravest first.
    """

    INVALID = "invalid"
    REGRESSED = "regressed"
    NOT_COMPARABLE = "not-comparable"
    INCONCLUSIVE = "inconclusive"
    IMPROVED = "improved"
    PASS = "pass"  # noqa: S105 - a verdict, not a password

    @property
    def state(self) -> Literal["COMPLETED", "FAILED"]:
        """The type of the Prefect state that a run with this verdict ends in, after it has published."""
        return "FAILED" if self in (Verdict.INVALID, Verdict.REGRESSED) else "COMPLETED"

    @property
    def state_name(self) -> str:
        """The name of that state, which the Prefect UI shows: "Regressed", and "Completed" where all is well."""
        if self is Verdict.PASS:
            return "Completed"
        return "".join(word.capitalize() for word in self.value.split("-"))


_GRAVITY = {verdict: rank for rank, verdict in enumerate(Verdict)}


def gravest(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict that outweighs the others.

    Nothing checked is invalid: a test that measured nothing was once green.
    """
    return min(verdicts, key=_GRAVITY.__getitem__, default=Verdict.INVALID)
