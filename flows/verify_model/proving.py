"""Proves a version's bytes: lists them, reads them if asked to, and keeps in the store what was found."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from flows.byte_proof import ByteProof, ReadFile, read_proof, write_proof
from flows.import_model.manifest import Manifest
from flows.import_model.progress import Progress
from flows.import_model.stock import read_manifest
from flows.verify_model.rehash import StoredFile, StoredVersion, extra_keys, list_files, rehash

if TYPE_CHECKING:
    from blocks.object_store import StoreClient

Bar = Callable[[int], AbstractContextManager[Progress]]
"""Shows progress over so many bytes."""


def prove(store: StoreClient, *, prefix: str, run: str, bar: Bar) -> StoredVersion | None:
    """Read all bytes of a version, and keep what they were; None if no import of it was finished.

    Args:
        store: the bucket.
        prefix: the version's key prefix, with a trailing slash.
        run: the flow run that verifies.
        bar: shows how far it is.

    Raises:
        ManifestError: something else stands in the manifest's place.
        BlockError: the store does not answer.
    """
    manifest = read_manifest(store, prefix=prefix)
    if manifest is None:
        return None
    files, held = list_files(store, manifest=manifest, prefix=prefix)
    began = time.monotonic()
    with bar(sum(stored.file.size for stored in files if stored.is_listed_right)) as progress:
        files = rehash(store, files, on_bytes=progress.moved)
    seconds = time.monotonic() - began
    proof = _proof(manifest, files, run=run)
    write_proof(store, proof, prefix=prefix)
    extra = extra_keys(manifest, held, prefix=prefix)
    return StoredVersion(files=files, extra=extra, proof=proof, seconds=seconds)


def look(store: StoreClient, *, prefix: str) -> StoredVersion | None:
    """List a version's bytes without reading them; arguments and errors as `prove`.

    A file has the hash that an earlier verification found, if its object is still the one that was read.
    """
    manifest = read_manifest(store, prefix=prefix)
    if manifest is None:
        return None
    files, held = list_files(store, manifest=manifest, prefix=prefix)
    proof = read_proof(store, prefix=prefix)
    proved = proof.still_true(held, prefix=prefix) if proof else {}
    known = tuple(replace(stored, sha256=proved.get(stored.file.path)) for stored in files)
    extra = extra_keys(manifest, held, prefix=prefix)
    return StoredVersion(files=known, extra=extra, proof=proof, seconds=None)


def _proof(manifest: Manifest, files: tuple[StoredFile, ...], *, run: str) -> ByteProof:
    read = tuple(
        ReadFile(
            path=stored.file.path,
            size=stored.entry.size,
            etag=stored.entry.etag,
            modified=stored.entry.modified,
            sha256=stored.sha256,
        )
        for stored in files
        if stored.entry is not None and stored.sha256 is not None
    )
    finished = datetime.now(UTC).isoformat(timespec="seconds")
    return ByteProof(manifest_sha256=manifest.digest(), flow_run_id=run, finished=finished, files=read)
