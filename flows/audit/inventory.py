"""What a bucket holds, sorted into versions, leases, uploads and the rest: pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from blocks.objects import ObjectEntry, Upload
from deployments.spec.model import RESERVED_PREFIXES
from flows.byte_proof import ByteProof
from flows.import_model.manifest import MANIFEST, Manifest
from flows.lease_keys import LEASES, leased_prefix, version_lease_key

PROBES = "probes/"
RECEIPTS = "receipts/"
_LEVELS = 3
"""A file of a version is at least `{model}/{version}/{file}`."""
_RENEWALS_MISSED = 3
"""Times to live without a renewal after which a lease is nobody's; a living holder renews three times in one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVersion:
    """What is under one version's prefix.

    Attributes:
        entries: its objects by key, the manifest among them.
        ours: where there is no manifest, the keys whose objects carry the metadata that an import gives them.
        manifest: what an import proved; None if no import was finished.
        problem: why its manifest, or its last verification, cannot be read; empty if both can.
        proof: the last verification that read its bytes.
    """

    entries: Mapping[str, ObjectEntry]
    ours: frozenset[str] = frozenset()
    manifest: Manifest | None = None
    problem: str = ""
    proof: ByteProof | None = None

    def unlisted(self, prefix: str) -> tuple[str, ...]:
        """The keys that its manifest does not list; all, if there is none."""
        known = {prefix + MANIFEST, *(prefix + file.path for file in self.manifest.files)} if self.manifest else set()
        return tuple(sorted(set(self.entries) - known))


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLease:
    """A lease object: who wrote it, its time to live in seconds, and when it was written, by the store's clock."""

    key: str
    owner: str
    ttl_seconds: float
    written: datetime

    def in_force(self, now: datetime) -> bool:
        """Whether its holder may be alive, as far as a single look can tell."""
        return (now - self.written).total_seconds() < _RENEWALS_MISSED * self.ttl_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """What a bucket held at one moment.

    Attributes:
        bucket: its name.
        taken: the moment, by our own clock: ages are compared with hours, so that clocks may differ by minutes.
        versions: by prefix, with a trailing slash. What has no manifest may be anybody's.
        recorded: the prefixes of versions that a receipt or a lease tells of.
        leases: by key.
        uploads: multipart uploads that are not finished. MinIO does not list them, and expires them itself.
        probes: objects by which a preflight proved that it may write, and that nobody deleted.
        foreign: objects that belong to no version, and are none of ours.
    """

    bucket: str
    taken: datetime
    versions: Mapping[str, StoredVersion] = field(default_factory=dict)
    recorded: frozenset[str] = frozenset()
    leases: Mapping[str, StoredLease] = field(default_factory=dict)
    uploads: tuple[Upload, ...] = ()
    probes: tuple[ObjectEntry, ...] = ()
    foreign: tuple[ObjectEntry, ...] = ()

    def is_older(self, when: datetime | None, *, than: timedelta) -> bool:
        """Whether something is older than an age; what does not tell its time is new."""
        return when is not None and self.taken - when >= than

    def holder(self, prefix: str) -> StoredLease | None:
        """The lease in force on a version; None if nobody works on it."""
        lease = self.leases.get(version_lease_key(prefix))
        return lease if lease and lease.in_force(self.taken) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sorted:
    """A listing by what its keys mean."""

    versions: Mapping[str, Mapping[str, ObjectEntry]]
    recorded: frozenset[str]
    leases: tuple[ObjectEntry, ...]
    probes: tuple[ObjectEntry, ...]
    foreign: tuple[ObjectEntry, ...]


def sort_objects(entries: Iterable[ObjectEntry]) -> Sorted:
    """Sort a bucket's listing; what slipway keeps for good (receipts, evidence, results) is left out."""
    versions: dict[str, dict[str, ObjectEntry]] = {}
    others: dict[str, list[ObjectEntry]] = {LEASES: [], PROBES: [], "": []}
    recorded: set[str | None] = set()
    for entry in entries:
        prefix = version_prefix(entry.key)
        if prefix is not None:
            versions.setdefault(prefix, {})[entry.key] = entry
            continue
        recorded.add(_recorded(entry.key))
        kind = entry.key.partition("/")[0]
        if f"{kind}/" in others:
            others[f"{kind}/"].append(entry)
        elif kind not in RESERVED_PREFIXES:
            others[""].append(entry)
    return Sorted(
        versions=versions,
        recorded=frozenset(filter(None, recorded)),
        leases=tuple(others[LEASES]),
        probes=tuple(others[PROBES]),
        foreign=tuple(others[""]),
    )


def version_prefix(key: str) -> str | None:
    """The prefix of the version that a key belongs to; None if it belongs to none."""
    parts = key.split("/")
    if len(parts) < _LEVELS or parts[0] in RESERVED_PREFIXES or not all(parts[:2]):
        return None
    return f"{parts[0]}/{parts[1]}/"


def _recorded(key: str) -> str | None:
    return version_prefix(key.removeprefix(RECEIPTS)) if key.startswith(RECEIPTS) else leased_prefix(key)
