"""Takes the inventory of a bucket: one listing, and the small objects that say what the others are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from blocks.errors import NotFoundError, RejectedError
from blocks.lease_record import RECORD_LIMIT_BYTES, Record
from blocks.objects import ObjectEntry
from flows.audit.inventory import Inventory, StoredLease, StoredVersion, sort_objects
from flows.byte_proof import read_proof
from flows.import_model.errors import ManifestError, ProofError
from flows.import_model.manifest import MANIFEST
from flows.import_model.stock import read_manifest
from flows.import_model.transfer import BLOB_ID

if TYPE_CHECKING:
    from blocks.object_store import StoreClient


def take_inventory(client: StoreClient, *, prefix: str = "") -> Inventory:
    """Look at a bucket, or at what is under one prefix of it; nothing is changed.

    Where no manifest says whose an object is, its metadata is asked for: one request for each.

    Args:
        client: the bucket.
        prefix: a version's prefix; all of the bucket if empty. Leases are then not looked at.
    """
    taken = datetime.now(UTC)
    found = sort_objects(client.list(prefix))
    leases = [lease for entry in found.leases if (lease := _lease(client, entry))]
    return Inventory(
        bucket=client.bucket,
        taken=taken,
        versions={name: _version(client, name, entries) for name, entries in found.versions.items()},
        recorded=found.recorded,
        leases={lease.key: lease for lease in leases},
        uploads=tuple(client.unfinished_uploads(prefix)),
        probes=found.probes,
        foreign=found.foreign,
    )


def _version(client: StoreClient, prefix: str, entries: Mapping[str, ObjectEntry]) -> StoredVersion:
    if prefix + MANIFEST not in entries:
        return StoredVersion(entries=entries, ours=frozenset(key for key in entries if _is_ours(client, key)))
    manifest = None
    try:
        manifest = read_manifest(client, prefix=prefix)
        return StoredVersion(entries=entries, manifest=manifest, proof=read_proof(client, prefix=prefix))
    except (ManifestError, ProofError) as error:
        return StoredVersion(entries=entries, manifest=manifest, problem=str(error))


def _is_ours(client: StoreClient, key: str) -> bool:
    head = client.head(key)
    return head is not None and BLOB_ID in head.metadata


def _lease(client: StoreClient, entry: ObjectEntry) -> StoredLease | None:
    """Read a lease; None for one that was released meanwhile. What is no lease counts as one that never ends."""
    try:
        record = Record.decode(client.get(entry.key, limit_bytes=RECORD_LIMIT_BYTES)[0], key=entry.key)
    except NotFoundError:
        return None
    except RejectedError as error:
        return StoredLease(key=entry.key, owner=str(error), ttl_seconds=float("inf"), written=entry.modified)
    return StoredLease(key=entry.key, owner=record.owner, ttl_seconds=record.ttl_seconds, written=entry.modified)
