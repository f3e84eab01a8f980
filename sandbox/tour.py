"""Which flow runs the tour makes, in which order; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

COMPARE = "compare"
FLOWS = ("import", "deploy", "test", COMPARE)
"""What runs, in this order, the last one once for all models; `sandbox.receipts.LINES` tells what came of each."""


@dataclass(frozen=True)
class Stop:
    """One flow run of the tour.

    Attributes:
        flow: its name.
        key: what it is for: a key of the catalog, or the name of a comparison.
    """

    flow: str
    key: str

    @property
    def deployment(self) -> str:
        """As `prefect deployment run` names it."""
        return f"{self.flow}/{self.key}"


def tour(models: Sequence[str], *, through: str) -> list[Stop]:
    """List the flow runs, one model after the other, and what puts them side by side at the end.

    Args:
        models: keys of the catalog.
        through: the last flow to run.
    """
    flows = FLOWS[: FLOWS.index(through) + 1]
    stops = [Stop(flow, model) for model in models for flow in flows if flow != COMPARE]
    return [*stops, *([Stop(COMPARE, "-vs-".join(models))] if COMPARE in flows else [])]
