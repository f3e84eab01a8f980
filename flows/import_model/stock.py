"""What the store holds of a version before an import moves anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from blocks.errors import NotFoundError
from blocks.hub_files import HubFile
from blocks.objects import ObjectEntry
from flows.byte_proof import damaged_files, read_proof
from flows.import_model.manifest import MANIFEST, Manifest, parse_manifest
from flows.import_model.plan import TransferPlan, plan_transfers

if TYPE_CHECKING:
    from blocks.object_store import StoreClient
    from flows.import_model.source import ResolvedSource

MANIFEST_LIMIT_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Stock:
    """A version as it stands.

    Attributes:
        manifest: if an import was finished.
        plan: what is left to transfer.
        damaged: paths that a verification found to have other bytes than the manifest says. Their objects' own metadata
            is not believed: they are transferred again.
    """

    manifest: Manifest | None
    plan: TransferPlan
    damaged: frozenset[str] = frozenset()

    @property
    def missing(self) -> tuple[HubFile, ...]:
        """The files to transfer, largest first."""
        return self.plan.missing

    @property
    def total_bytes(self) -> int:
        """Size of the version's files together, in bytes."""
        return self.present_bytes + sum(file.size for file in self.plan.missing)

    @property
    def present_bytes(self) -> int:
        """Size of the files that need no transfer, in bytes."""
        return sum(file.size for file in self.plan.present)


def read_manifest(client: StoreClient, *, prefix: str) -> Manifest | None:
    """Read a version's manifest; None if no import of it was finished.

    Raises:
        ManifestError: something else stands in its place.
    """
    key = prefix + MANIFEST
    try:
        content, _ = client.get(key, limit_bytes=MANIFEST_LIMIT_BYTES)
    except NotFoundError:
        return None
    return parse_manifest(content, key=key)


def read_stock(client: StoreClient, *, prefix: str, source: ResolvedSource) -> Stock:
    """Compare a source's files with what the store lists under the prefix: one listing, no look at objects.

    Raises:
        ManifestError, ProofError: something else stands in place of the manifest, or of the last verification.
    """
    manifest = read_manifest(client, prefix=prefix)
    held = {entry.key: entry for entry in client.list(prefix)}
    damaged: frozenset[str] = frozenset()
    if manifest:
        damaged = damaged_files(read_proof(client, prefix=prefix), manifest=manifest, held=held, prefix=prefix)
    sizes = {key: entry.size for key, entry in held.items()}
    doubted = damaged | written_later(held, prefix=prefix)
    plan = plan_transfers(source.files, prefix=prefix, held=sizes, manifest=manifest, doubted=doubted)
    return Stock(manifest, plan, damaged)


def written_later(held: Mapping[str, ObjectEntry], *, prefix: str) -> frozenset[str]:
    """Return the paths of objects that were written after the manifest, which an import writes last: pure.

    A repair of ours writes such objects, and so does whoever overwrites a file. The transfer looks at each: what has
    the metadata that ours have stays, what has not is transferred again.

    Args:
        held: the objects by key, as listed.
        prefix: the version's key prefix, with a trailing slash.
    """
    marker = held.get(prefix + MANIFEST)
    if marker is None:
        return frozenset()
    return frozenset(key.removeprefix(prefix) for key, entry in held.items() if entry.modified > marker.modified)
