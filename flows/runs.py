"""Which flow run is at work: what records and receipts name."""

from __future__ import annotations

from dataclasses import dataclass

from prefect.runtime import flow_run


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The flow run at work: its id, and its page in the Prefect UI (empty if unknown)."""

    id: str
    url: str


def this_run() -> Run:
    """The flow run at work."""
    return Run(id=flow_run.id or "none", url=flow_run.ui_url or "")
