"""Which flow runs the tour makes, in which order; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

FLOWS = ("import", "deploy")
"""What runs for each model, in this order; `sandbox.receipts.LINES` tells what came of each."""


@dataclass(frozen=True)
class Stop:
    """One flow run of the tour.

    Attributes:
        flow: its name.
        key: what it is for: a key of the catalog.
    """

    flow: str
    key: str

    @property
    def deployment(self) -> str:
        """As `prefect deployment run` names it."""
        return f"{self.flow}/{self.key}"


def tour(models: Sequence[str], *, through: str) -> list[Stop]:
    """List the flow runs, one model after the other.

    Args:
        models: keys of the catalog.
        through: the last flow to run for each.
    """
    return [Stop(flow, model) for model in models for flow in FLOWS[: FLOWS.index(through) + 1]]
