"""What the store holds of a version before an import moves anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from blocks.errors import NotFoundError
from blocks.hub_files import HubFile
from flows.import_model.manifest import MANIFEST, Manifest, parse_manifest
from flows.import_model.plan import TransferPlan, plan_transfers

if TYPE_CHECKING:
    from blocks.object_store import StoreClient
    from flows.import_model.source import ResolvedSource

MANIFEST_LIMIT_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Stock:
    """A version as it stands: its manifest, if an import was finished, and what is left to transfer."""

    manifest: Manifest | None
    plan: TransferPlan

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
    """Compare a source's files with what the store lists under the prefix: one listing, no look at objects."""
    manifest = read_manifest(client, prefix=prefix)
    held = {entry.key: entry.size for entry in client.list(prefix)}
    return Stock(manifest, plan_transfers(source.files, prefix=prefix, held=held, manifest=manifest))
