"""Where leases are kept in the bucket: pure."""

from __future__ import annotations

LEASES = "leases/"
_SUFFIX = ".json"


def version_lease_key(prefix: str) -> str:
    """The key of the lease on a version.

    Args:
        prefix: the version's prefix, with a trailing slash.
    """
    return f"{LEASES}{prefix.rstrip('/')}{_SUFFIX}"


def leased_prefix(key: str) -> str | None:
    """The prefix of the version that a lease's key is about, with a trailing slash; None for every other key."""
    about = key.removeprefix(LEASES).removesuffix(_SUFFIX)
    return f"{about}/" if key == version_lease_key(about) and about.count("/") == 1 else None


def service_lease_key(namespace: str, service: str) -> str:
    """The key of the lease on a service.

    One level deeper than the leases on versions, so that a model named `services` has no lease in common.
    """
    return f"{LEASES}services/{namespace}/{service}{_SUFFIX}"
