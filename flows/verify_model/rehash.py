"""Reads every byte of a version back from the store and hashes it: several files at once, in bounded memory."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING

from blocks.errors import BlockError
from blocks.objects import ObjectEntry
from flows.byte_proof import ByteProof
from flows.import_model.manifest import MANIFEST, Manifest, ManifestFile
from flows.import_model.parts import MEBIBYTE

if TYPE_CHECKING:
    from blocks.object_store import StoreClient

FILES_AT_ONCE = 4
PIECE_BYTES = 16 * MEBIBYTE
"""Read with one request. Memory is bounded by one piece for each file at work."""

READ_ATTEMPTS = 2
"""A store that finds its own bytes rotten answers an error each time, after a quarter of a minute: to say so is the
result of a verification, not an outage to sit out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """What the store holds of one file of a manifest.

    Attributes:
        file: what the manifest says of it.
        entry: the object as it was listed; None if there is none.
        sha256: of its bytes, in hex; None where nobody read them, or where reading failed.
        problem: why it could not be read; empty if it could, or was not meant to be.
    """

    file: ManifestFile
    entry: ObjectEntry | None
    sha256: str | None = None
    problem: str = ""

    @property
    def is_listed_right(self) -> bool:
        """Whether there is an object of the right size."""
        return self.entry is not None and self.entry.size == self.file.size


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVersion:
    """What the store holds of a version.

    Attributes:
        files: each file of its manifest.
        extra: keys under its prefix that the manifest does not list.
        proof: the verification that read the bytes: this one, or an earlier one where this one only listed them.
        seconds: what reading took; None where nothing was read.
    """

    files: tuple[StoredFile, ...]
    extra: tuple[str, ...]
    proof: ByteProof | None
    seconds: float | None


def list_files(
    store: StoreClient, *, manifest: Manifest, prefix: str
) -> tuple[tuple[StoredFile, ...], dict[str, ObjectEntry]]:
    """Find the object of each file of a manifest by one listing.

    Returns:
        The files, none of them read, and everything that is under the prefix, by key.
    """
    held = {entry.key: entry for entry in store.list(prefix)}
    return tuple(StoredFile(file=file, entry=held.get(prefix + file.path)) for file in manifest.files), held


def extra_keys(manifest: Manifest, held: Mapping[str, ObjectEntry], *, prefix: str) -> tuple[str, ...]:
    """Return the keys under a version's prefix that are neither its manifest nor a file of it: pure."""
    known = {prefix + MANIFEST, *(prefix + file.path for file in manifest.files)}
    return tuple(sorted(set(held) - known))


def rehash(
    store: StoreClient, files: tuple[StoredFile, ...], *, on_bytes: Callable[[int], None]
) -> tuple[StoredFile, ...]:
    """Read the objects that have the right size, and say which bytes they have.

    An interrupt (a cancelled run) ends all reading at its next piece.

    Args:
        store: the bucket.
        files: what was listed; largest first keeps all threads at work to the end.
        on_bytes: told the bytes of each piece that was hashed, from several threads.

    Returns:
        The files in their order. What the store fails to give is told on its file and stops no other.
    """
    ended = threading.Event()
    with ThreadPoolExecutor(FILES_AT_ONCE, thread_name_prefix="rehash") as threads:
        largest_first = sorted(files, key=lambda stored: -stored.file.size)
        working: dict[str, Future[StoredFile]] = {}
        try:
            for stored in largest_first:
                working[stored.file.path] = threads.submit(_read, store, stored, on_bytes, ended)
            done, _ = wait(working.values(), return_when=FIRST_EXCEPTION)
            for each in done:
                each.result()
        except BaseException:
            ended.set()
            for each in working.values():
                each.cancel()
            raise
    return tuple(working[stored.file.path].result() for stored in files)


class _EndedError(Exception):
    """Another thread was interrupted."""


def _read(
    store: StoreClient, stored: StoredFile, on_bytes: Callable[[int], None], ended: threading.Event
) -> StoredFile:
    if stored.entry is None or not stored.is_listed_right:
        return stored
    try:
        found = _sha256(store, stored.entry, on_bytes, ended)
        if found != stored.file.sha256:
            head = store.head(stored.entry.key)
            if head is None or head.etag != stored.entry.etag:
                problem = "it was written while it was read; verify again"
                return StoredFile(file=stored.file, entry=stored.entry, problem=problem)
    except BlockError as error:
        return StoredFile(file=stored.file, entry=stored.entry, problem=str(error))
    return StoredFile(file=stored.file, entry=stored.entry, sha256=found)


def _sha256(store: StoreClient, entry: ObjectEntry, on_bytes: Callable[[int], None], ended: threading.Event) -> str:
    piece, hashed = memoryview(bytearray(min(PIECE_BYTES, entry.size))), hashlib.sha256()
    for start in range(0, entry.size, PIECE_BYTES):
        if ended.is_set():
            raise _EndedError
        content = piece[: entry.size - start]
        store.read_into(entry.key, start=start, target=content, attempts=READ_ATTEMPTS)
        hashed.update(content)
        on_bytes(len(content))
    return hashed.hexdigest()
