"""Removes what a plan names, under the lease of each version, after looking once more at what is there now."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import TYPE_CHECKING

from blocks.lease import Lease, LeaseHeldError
from flows.audit.stocktaking import take_inventory
from flows.cleanup_storage.plan import Kept, Removal, plan_version
from flows.cleanup_storage.references import References

if TYPE_CHECKING:
    from blocks.object_store import StoreClient

DELETED_AT_ONCE = 100
"""Keys in one request: few enough that a store answers well within the lease that was confirmed before it."""

Hold = Callable[[str], AbstractContextManager[Lease]]
"""Holds the lease of this key for a block of code."""


def remove(
    client: StoreClient, removal: Removal, *, hold: Hold, referrers: References, older_than: timedelta
) -> Removal | Kept:
    """Remove what one part of a plan names.

    An import that began since the plan was made holds the lease, and is left alone; one that ended meanwhile left a
    manifest, which the second look finds.

    Args:
        client: the bucket.
        removal: what was planned.
        hold: takes a lease, waiting for just long enough to find its holder dead.
        referrers: everybody who reads from the bucket, and which versions are slipway's.
        older_than: what is younger stays.

    Returns:
        What was removed, which may be less than was planned, or why nothing was.

    Raises:
        LeaseLostError: another run took the version over; what was removed before stays removed.
        BlockError: the store failed.
    """
    if removal.lease is None:
        client.delete(removal.keys)
        return removal
    try:
        with hold(removal.lease) as claim:
            return _under_lease(client, removal, claim=claim, referrers=referrers, older_than=older_than)
    except LeaseHeldError as error:
        return Kept(removal.subject, str(error))


def _under_lease(
    client: StoreClient, removal: Removal, *, claim: Lease, referrers: References, older_than: timedelta
) -> Removal | Kept:
    if removal.prefix is None:
        return removal
    now = take_inventory(client, prefix=removal.prefix)
    found = list(plan_version(now, prefix=removal.prefix, referrers=referrers, older_than=older_than))
    removable = next((each for each in found if isinstance(each, Removal)), None)
    if removable is None:
        reasons = [each.reason for each in found if isinstance(each, Kept)]
        return Kept(removal.subject, "; ".join(reasons) or "it was put in order meanwhile")
    for upload in removable.uploads:
        claim.confirm()
        client.abort_upload(upload)
    for start in range(0, len(removable.keys), DELETED_AT_ONCE):
        claim.confirm()
        client.delete(removable.keys[start : start + DELETED_AT_ONCE])
    return removable
