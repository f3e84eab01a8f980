"""The commit of an import: leftovers removed, then the manifest written, last and once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from blocks.errors import PreconditionFailedError
from deployments.spec import ModelSpec
from flows.import_model.errors import VersionTakenError
from flows.import_model.manifest import MANIFEST, Manifest, ManifestFile, ManifestSource
from flows.import_model.stock import Stock, read_manifest

if TYPE_CHECKING:
    from blocks.lease import Lease
    from blocks.object_store import StoreClient
    from flows.import_model.source import ResolvedSource
    from flows.import_model.transfer import TransferredFile


def compose(spec: ModelSpec, *, source: ResolvedSource, stock: Stock, moved: Iterable[TransferredFile]) -> Manifest:
    """Put a version's manifest together from what an earlier one vouches for and what this run proved: pure."""
    recorded = {file.path: file for file in stock.manifest.files} if stock.manifest else {}
    proved = {
        file.path: ManifestFile(path=file.path, size=file.size, sha256=file.sha256, hub_id=file.blob_id)
        for file in moved
    }
    return Manifest(
        model=spec.registered_model,
        version=spec.version,
        source=ManifestSource(repo=source.repo, commit=source.commit),
        identity=source.identity,
        files=tuple(proved.get(file.path) or recorded[file.path] for file in source.files),
    )


def publish(client: StoreClient, *, manifest: Manifest, stock: Stock, prefix: str, claim: Lease) -> Manifest:
    """Make a version visible: remove what does not belong to it, then write its manifest.

    The lease is confirmed before each step that others could see: without it, another run owns the version.

    Returns:
        The manifest that stands: the given one, or the one of an equal file set that was there and is never rewritten.

    Raises:
        LeaseLostError: another run took the version over; nothing was written.
        VersionTakenError: another run published other bytes since this one looked.
    """
    claim.confirm()
    if stock.plan.leftovers:
        client.delete(stock.plan.leftovers)
    if stock.manifest and stock.manifest.file_set() == manifest.file_set():
        return stock.manifest
    claim.confirm()
    try:
        client.put(prefix + MANIFEST, manifest.canonical(), content_type="application/json", if_absent=True)
    except PreconditionFailedError:
        held = read_manifest(client, prefix=prefix)
        if held and held.file_set() == manifest.file_set():
            return held
        held_set = held.file_set() if held else "nothing"
        raise VersionTakenError(
            model=manifest.model, version=manifest.version, held=held_set, wanted=manifest.file_set()
        ) from None
    return manifest
