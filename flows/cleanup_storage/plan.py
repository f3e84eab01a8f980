"""What a cleanup may remove, and what it leaves alone and why: pure.

Never what a manifest lists, and nothing of a version that the registry or a service reads in another state than its
manifest's; nothing young, nothing under a lease in force, and nothing of which slipway does not know whose it is.
Receipts, evidence and test results are kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from blocks.objects import Upload
from flows.audit.inventory import Inventory, StoredVersion, version_prefix
from flows.audit.rows import counted
from flows.cleanup_storage.references import References
from flows.lease_keys import version_lease_key

_WHOSE = "slipway does not know whose it is"


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """What is removed together, under one lease.

    Attributes:
        subject: what it was, for people: a version, a lease, the probes.
        lease: the key of the lease that is held meanwhile; None where nobody else could want the same objects. A lease
            that was left behind goes by being taken over and released.
        prefix: the version's prefix; None where it is about no version.
        keys: objects to delete. A versioned bucket keeps them for some days more.
        uploads: unfinished uploads to abort.
        size: bytes of the objects; nobody tells those of uploads.
        reason: why nobody needs them.
    """

    subject: str
    lease: str | None
    reason: str
    prefix: str | None = None
    keys: tuple[str, ...] = ()
    uploads: tuple[Upload, ...] = ()
    size: int = 0


@dataclass(frozen=True, slots=True)
class Kept:
    """What looks left over and is left alone, and why."""

    subject: str
    reason: str


@dataclass(frozen=True, slots=True)
class CleanupPlan:
    """What is removed, and what is left alone."""

    removals: tuple[Removal, ...]
    kept: tuple[Kept, ...]


def plan_cleanup(inventory: Inventory, *, referrers: References, older_than: timedelta) -> CleanupPlan:
    """Say what may go.

    Args:
        inventory: the bucket.
        referrers: everybody who reads from it, and which versions are slipway's.
        older_than: what is younger stays: a run may be about to use it.
    """
    found: list[Removal | Kept] = []
    prefixes = {*inventory.versions, *filter(None, (version_prefix(upload.key) for upload in inventory.uploads))}
    for prefix in sorted(prefixes):
        found += plan_version(inventory, prefix=prefix, referrers=referrers, older_than=older_than)
    found += _leases(inventory, planned={each.lease for each in found if isinstance(each, Removal)})
    found += _others(inventory, older_than=older_than)
    if referrers.unseen:
        found.append(Kept("what only other namespaces read", referrers.unseen))
    return CleanupPlan(
        removals=tuple(each for each in found if isinstance(each, Removal)),
        kept=tuple(each for each in found if isinstance(each, Kept)),
    )


def plan_version(
    inventory: Inventory, *, prefix: str, referrers: References, older_than: timedelta
) -> Iterator[Removal | Kept]:
    """Say what of one version may go; nothing if there is nothing to say of it.

    Args:
        inventory: the bucket, or what is under this prefix of it.
        prefix: the version's prefix.
        referrers: everybody who reads from the bucket, and which versions are slipway's.
        older_than: what is younger stays.
    """
    stock = inventory.versions.get(prefix, StoredVersion(entries={}))
    unlisted = stock.unlisted(prefix)
    uploads = tuple(upload for upload in inventory.uploads if upload.key.startswith(prefix))
    if not unlisted and not uploads:
        return
    name = prefix.rstrip("/")
    if holder := inventory.holder(prefix):
        yield Kept(name, f"{holder.owner} works on it")
        return
    theirs = () if stock.manifest or prefix in referrers.known else tuple(sorted({*unlisted} - stock.ours))
    if theirs:
        yield Kept(name, f"{counted(len(theirs), 'object')}, such as {theirs[0]}: {_WHOSE}")
        unlisted = tuple(sorted(stock.ours))
    young = [key for key in unlisted if not inventory.is_older(stock.entries[key].modified, than=older_than)]
    if reason := _protected(stock, prefix=prefix, referrers=referrers) or _recent(young):
        if unlisted:
            yield Kept(name, reason)
        unlisted = ()
    if uploads and not (stock.manifest or stock.ours or prefix in referrers.known):
        yield Kept(name, f"{counted(len(uploads), 'unfinished upload')}: {_WHOSE}")
        return
    old = tuple(upload for upload in uploads if inventory.is_older(upload.begun, than=older_than))
    if len(old) < len(uploads):
        yield Kept(name, counted(len(uploads) - len(old), "recent unfinished upload"))
    if not unlisted and not old:
        return
    yield Removal(
        subject=name,
        lease=version_lease_key(prefix),
        prefix=prefix,
        keys=unlisted,
        uploads=old,
        size=sum(stock.entries[key].size for key in unlisted),
        reason="its manifest does not list them" if stock.manifest else "no import of it was finished",
    )


def _protected(stock: StoredVersion, *, prefix: str, referrers: References) -> str:
    """Say who may need objects of a version that its manifest does not list; nothing if nobody does."""
    if stock.problem and stock.manifest is None:
        return f"its manifest cannot be read: {stock.problem}"
    digest = stock.manifest.digest() if stock.manifest else None
    for reader in referrers.readers:
        overlaps = prefix.startswith(reader.prefix) or reader.prefix.startswith(prefix)
        if overlaps and (reader.prefix, reader.manifest_sha256) != (prefix, digest):
            return f"{reader.who} reads it, and not by the manifest that is there"
    return ""


def _recent(young: list[str]) -> str:
    return f"{counted(len(young), 'recent object')}, such as {young[0]}" if young else ""


def _leases(inventory: Inventory, *, planned: set[str | None]) -> Iterator[Removal]:
    for lease in inventory.leases.values():
        if lease.key not in planned and not lease.in_force(inventory.taken):
            yield Removal(subject=lease.key, lease=lease.key, reason=f"{lease.owner} does not renew it")


def _others(inventory: Inventory, *, older_than: timedelta) -> Iterator[Removal | Kept]:
    old = [probe for probe in inventory.probes if inventory.is_older(probe.modified, than=older_than)]
    if old:
        keys, size = tuple(probe.key for probe in old), sum(probe.size for probe in old)
        yield Removal(subject="probes", lease=None, keys=keys, size=size, reason="their preflights were killed")
    strange = [upload.key for upload in inventory.uploads if version_prefix(upload.key) is None]
    for key in (*(entry.key for entry in inventory.foreign), *strange):
        yield Kept(key, f"it belongs to no version, and {_WHOSE}")
