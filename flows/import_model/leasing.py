"""The lease on a version: of all runs that would write it, one may."""

from __future__ import annotations

from contextlib import AbstractContextManager

from blocks.lease import Lease
from blocks.object_store import ObjectStore
from deployments.spec import ModelSpec
from flows.lease_keys import version_lease_key
from flows.leasing import lease


def version_lease(spec: ModelSpec, *, store: ObjectStore) -> AbstractContextManager[Lease]:
    """Hold the version for a block of code; errors as `flows.leasing.lease`."""
    return lease(version_lease_key(spec.prefix), store=store)
