"""The lease on a version: of all runs that would write it, one may."""

from __future__ import annotations

from contextlib import AbstractContextManager

from prefect.runtime import flow_run

from blocks.lease import Lease, held
from blocks.object_store import ObjectStore
from deployments.settings import settings
from deployments.spec import ModelSpec


def version_lease(spec: ModelSpec, *, store: ObjectStore) -> AbstractContextManager[Lease]:
    """Hold the version for a block of code.

    A holder that was killed blocks for no longer than SLIPWAY_LEASE_SECONDS; a living one is told by name.

    Raises:
        LeaseHeldError: another run works on this version, and is alive.
    """
    return held(
        store.client(),
        key=f"leases/{spec.registered_model}/{spec.version}.json",
        owner=f"flow run {flow_run.name or 'without a name'} ({flow_run.id or 'no id'})",
        ttl_seconds=settings().lease_seconds,
    )
