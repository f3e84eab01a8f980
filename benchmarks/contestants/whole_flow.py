"""The flow itself, against a served Prefect: preflight, proof of identity, transfer, manifest, registry, receipt."""

from __future__ import annotations

from benchmarks.contestants import Errand
from flows.import_model.flow import import_model


def run(errand: Errand) -> None:
    """Import the catalog's model; the block documents say from where to where."""
    import_model(errand.model)
