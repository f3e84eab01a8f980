"""The lease on a service: of all runs that would change it, one may."""

from __future__ import annotations

from contextlib import AbstractContextManager

from blocks.lease import Lease
from blocks.object_store import ObjectStore
from deployments.settings import settings
from deployments.spec import ModelSpec
from flows.lease_keys import service_lease_key
from flows.leasing import lease


def service_lease(spec: ModelSpec, *, store: ObjectStore) -> AbstractContextManager[Lease]:
    """Hold a model's service for a block of code; errors as `flows.leasing.lease`."""
    return lease(service_lease_key(settings().namespace, spec.serving.inference_service), store=store)
