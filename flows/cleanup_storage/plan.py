"""What a cleanup may remove, and what it leaves alone and why: pure.

Never what a manifest lists, and nothing of a version that the registry or a service reads in another state than its
manifest's; nothing young, and nothing under a lease in force. Receipts, evidence and test results are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from blocks.objects import Upload
from flows.audit.facts import AuditFacts, Json, prefix_of
from flows.audit.inventory import Inventory, StoredVersion, version_prefix
from flows.audit.rows import counted
from flows.import_model.manifest import DIGEST_ANNOTATION, DIGEST_PROPERTY
from flows.lease_keys import version_lease_key

_S3 = "s3://"


@dataclass(frozen=True, slots=True)
class Reference:
    """Somebody who reads a prefix of the bucket, and the manifest that he takes it for; empty if he does not say."""

    prefix: str
    manifest_sha256: str
    who: str


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


def references(facts: AuditFacts) -> tuple[Reference, ...]:
    """Return everybody who reads from the bucket: registry versions of any state, services, and the way back."""
    bucket = facts.inventory.bucket
    return (
        *(
            Reference(
                prefix, str(version.properties.get(DIGEST_PROPERTY, "")), f"registry version {version.version_id}"
            )
            for version in facts.registered
            if (prefix := prefix_of(version, bucket=bucket)) is not None
        ),
        *_of_services(facts.services, bucket=bucket, what="InferenceService"),
        *_of_services(
            (record.service for record in facts.served.values()), bucket=bucket, what="the way back of InferenceService"
        ),
    )


def plan_cleanup(inventory: Inventory, *, referrers: Iterable[Reference], older_than: timedelta) -> CleanupPlan:
    """Say what may go.

    Args:
        inventory: the bucket.
        referrers: everybody who reads from it.
        older_than: what is younger stays: a run may be about to use it.
    """
    found: list[Removal | Kept] = []
    readers = tuple(referrers)
    prefixes = {*inventory.versions, *filter(None, (version_prefix(upload.key) for upload in inventory.uploads))}
    for prefix in sorted(prefixes):
        found += plan_version(inventory, prefix=prefix, referrers=readers, older_than=older_than)
    found += _leases(inventory, planned={each.lease for each in found if isinstance(each, Removal)})
    found += _others(inventory, older_than=older_than)
    return CleanupPlan(
        removals=tuple(each for each in found if isinstance(each, Removal)),
        kept=tuple(each for each in found if isinstance(each, Kept)),
    )


def plan_version(
    inventory: Inventory, *, prefix: str, referrers: Iterable[Reference], older_than: timedelta
) -> Iterator[Removal | Kept]:
    """Say what of one version may go; nothing if there is nothing to say of it.

    Args:
        inventory: the bucket, or what is under this prefix of it.
        prefix: the version's prefix.
        referrers: everybody who reads from the bucket.
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
    young = [key for key in unlisted if not inventory.is_older(stock.entries[key].modified, than=older_than)]
    if reason := _protected(stock, prefix=prefix, referrers=referrers) or _recent(young):
        if unlisted:
            yield Kept(name, reason)
        unlisted = ()
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


def _protected(stock: StoredVersion, *, prefix: str, referrers: Iterable[Reference]) -> str:
    """Say who may need objects of a version that its manifest does not list; nothing if nobody does."""
    if stock.problem and stock.manifest is None:
        return f"its manifest cannot be read: {stock.problem}"
    digest = stock.manifest.digest() if stock.manifest else None
    for reader in referrers:
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
        yield Kept(key, "it belongs to no version, and slipway does not know whose it is")


def _of_services(services: Iterable[Json], *, bucket: str, what: str) -> Iterator[Reference]:
    for service in services:
        metadata = service["metadata"]
        uri = str(service["spec"]["predictor"].get("model", {}).get("storageUri", ""))
        if uri.startswith(f"{_S3}{bucket}/"):
            prefix = uri.removeprefix(f"{_S3}{bucket}/")
            digest = str((metadata.get("annotations") or {}).get(DIGEST_ANNOTATION, ""))
            yield Reference(prefix, digest, f"{what} {metadata['name']}")
