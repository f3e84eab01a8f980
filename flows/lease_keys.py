"""Where leases are kept in the bucket: pure."""

from __future__ import annotations

LEASES = "leases/"


def version_lease_key(prefix: str) -> str:
    """The key of the lease on a version.

    Args:
        prefix: the version's prefix, with a trailing slash.
    """
    return f"{LEASES}{prefix.rstrip('/')}.json"


def service_lease_key(namespace: str, service: str) -> str:
    """The key of the lease on a service.

    One level deeper than the leases on versions, so that a model named `services` has no lease in common.
    """
    return f"{LEASES}services/{namespace}/{service}.json"
