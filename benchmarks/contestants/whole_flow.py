"""The flow itself, against a served Prefect: preflight, proof of identity, transfer, manifest, registry, receipt."""

from __future__ import annotations

from prefect import flow
from prefect.plugins import load_prefect_collections

from benchmarks.contestants import Errand
from flows.import_model.flow import import_model

# Prefect imports its collections at the first block that is loaded: a start, like all imports.
load_prefect_collections()


@flow
def nothing() -> None:
    """Cost what every flow run costs."""


def start(_errand: Errand) -> None:
    """Run an empty flow: Prefect's own start and end."""
    nothing()


def run(errand: Errand) -> None:
    """Import the catalog's model; the block documents say from where to where."""
    import_model(errand.model)
