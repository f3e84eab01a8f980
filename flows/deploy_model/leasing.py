"""The lease on a service: of all runs that would change it, one may."""

from __future__ import annotations

from contextlib import AbstractContextManager

from prefect.runtime import flow_run

from blocks.lease import Lease, held
from blocks.object_store import ObjectStore
from deployments.settings import settings
from deployments.spec import ModelSpec


def service_lease(spec: ModelSpec, *, store: ObjectStore) -> AbstractContextManager[Lease]:
    """Hold a model's service for a block of code.

    A holder that was killed blocks for no longer than SLIPWAY_LEASE_SECONDS; a living one is told by name.

    Raises:
        LeaseHeldError: another run works on this service, and is alive.
    """
    environment = settings()
    return held(
        store.client(),
        # One level deeper than the leases on versions, so that a model named `services` has no lease in common.
        key=f"leases/services/{environment.namespace}/{spec.serving.inference_service}.json",
        owner=f"flow run {flow_run.name or 'without a name'} ({flow_run.id or 'no id'})",
        ttl_seconds=environment.lease_seconds,
    )
