"""Leases in the name of the flow run at work."""

from __future__ import annotations

from contextlib import AbstractContextManager

from prefect.runtime import flow_run

from blocks.lease import Lease, held
from blocks.object_store import ObjectStore
from deployments.settings import settings


def lease(key: str, *, store: ObjectStore) -> AbstractContextManager[Lease]:
    """Hold the lease of a key for a block of code.

    A holder that was killed blocks for no longer than SLIPWAY_LEASE_SECONDS; a living one is told by name.

    Raises:
        LeaseHeldError: another run holds it, and is alive.
    """
    return held(
        store.client(),
        key=key,
        owner=f"flow run {flow_run.name or 'without a name'} ({flow_run.id or 'no id'})",
        ttl_seconds=settings().lease_seconds,
    )
