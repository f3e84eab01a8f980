"""The words of a verification: a link that holds, one that does not, one that could not be asked about; pure."""

from __future__ import annotations

from deployments.spec import ModelSpec
from flows.preflight import Finding

SHOWN = 12
"""Digits of a digest that people compare."""


def fine(name: str, detail: str) -> Finding:
    """A link that holds."""
    return Finding(name, ok=True, detail=detail)


def broken(name: str, detail: str) -> Finding:
    """A link that does not hold; the detail ends in the next command."""
    return Finding(name, ok=False, detail=detail)


def unasked(name: str, problem: str, *, needs: str) -> Finding:
    """A link that could not be asked about: a system failed, or another link is missing."""
    return Finding(name, ok=False, detail=problem or f"not asked: {needs}")


def run(flow: str, spec: ModelSpec) -> str:
    """The command that runs a flow for the model."""
    return f"prefect deployment run {flow}/{spec.key} --watch"


def digest(value: str) -> str:
    """A digest as people read it."""
    return value[:SHOWN] or "none"
