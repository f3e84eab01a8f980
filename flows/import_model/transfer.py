"""Streams one file from the Hub into the object store: ranges feed upload parts, nothing touches a disk.

An object becomes visible only when its whole content has the hash that the Hub declares. Memory is bounded by
`TransferOptions`. Free of Prefect: benchmarks use it alone.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from blocks.hub_files import HubFile, git_blob_hasher, verify_content, verify_digest
from flows.import_model.parts import plan_parts
from flows.import_model.progress import Attempt
from flows.import_model.stream import Stream

if TYPE_CHECKING:
    from blocks.hub import HubClient
    from blocks.hub_ranges import RangedFile
    from blocks.object_store import StoreClient

__all__ = ["TransferredFile", "abort_leftovers", "digest_in_store", "transfer_file"]

SHA256 = "sha256"
BLOB_ID = "hub-blob-id"


@dataclass(frozen=True, slots=True)
class TransferredFile:
    """A file that is in the store, proved.

    Attributes:
        path: in the repository.
        size: bytes.
        sha256: of the content, in hex; our own computation for files that are not LFS.
        blob_id: the Hub's git blob id.
        skipped: it was there already, and no byte of it moved.
        seconds: time that it took.
    """

    path: str
    size: int
    sha256: str
    blob_id: str
    skipped: bool
    seconds: float


def transfer_file(
    hub: HubClient,
    store: StoreClient,
    *,
    repo: str,
    commit: str,
    file: HubFile,
    key: str,
    attempt: Attempt,
    confirm: Callable[[], None] = lambda: None,
    damaged: bool = False,
) -> TransferredFile:
    """Bring one file of a commit into the store, unless it is there.

    Call it under the version's lease: unfinished uploads of the same key are taken for leftovers and aborted.

    Args:
        hub: where from.
        store: where to.
        repo: "owner/name".
        commit: the commit.
        file: what the Hub declares of the file.
        key: the object.
        attempt: says how much may be in flight, gives the memory for it, and can end the reads. Told the bytes of each
            part that the store took, from several threads: those of a file that then fails too, none of a skipped one.
        confirm: asked just before the object becomes visible; raises if the version is not ours any more.
        damaged: the object that is there was read and has other bytes than its metadata says: it is replaced.

    Raises:
        DigestMismatchError: the content is not what the Hub declares; nothing is visible, nothing is left.
        BlockError: whatever else failed at the Hub or the store, transient or not; nothing is visible.
    """
    began = time.monotonic()
    sha256 = None if damaged else digest_in_store(store, file=file, key=key)
    skipped = sha256 is not None
    if sha256 is None:
        source = hub.open(repo, commit=commit, file=file)
        attempt.stopped_by(source.close)
        if file.size <= attempt.options.part_bytes:
            sha256 = _put_whole(source, store, file=file, key=key, attempt=attempt, confirm=confirm)
        else:
            sha256 = file.sha256 or _digest_of_blob(source, file=file, part_bytes=attempt.options.part_bytes)
            metadata = _metadata(file, sha256)
            Stream(source, store, key=key, sha256=sha256, metadata=metadata, attempt=attempt, confirm=confirm).run()
    return TransferredFile(file.path, file.size, sha256, file.blob_id, skipped, time.monotonic() - began)


def digest_in_store(store: StoreClient, *, file: HubFile, key: str) -> str | None:
    """Find a file that was transferred before: same size, and the Hub's own digest in the object's metadata.

    Returns:
        Its SHA-256 in hex, or None if the object is missing or another one.
    """
    head = store.head(key)
    if head is None or head.size != file.size:
        return None
    recorded = head.metadata.get(SHA256)
    same = recorded == file.sha256 if file.sha256 else head.metadata.get(BLOB_ID) == file.blob_id
    return recorded if same else None


def abort_leftovers(store: StoreClient, *, prefix: str) -> int:
    """Abort the unfinished uploads that a killed run left under a prefix. Call it under the version's lease.

    Returns:
        How many there were.
    """
    leftovers = list(store.unfinished_uploads(prefix))
    for upload in leftovers:
        store.abort_upload(upload)
    return len(leftovers)


def _metadata(file: HubFile, sha256: str) -> Mapping[str, str]:
    return {SHA256: sha256, BLOB_ID: file.blob_id}


def _put_whole(
    source: RangedFile,
    store: StoreClient,
    *,
    file: HubFile,
    key: str,
    attempt: Attempt,
    confirm: Callable[[], None],
) -> str:
    """Move a file of one part: read, verify, write."""
    content = source.read(0, file.size)
    attempt.has_read()
    sha256 = verify_content(file, content)
    confirm()
    store.put(key, content, metadata=_metadata(file, sha256))
    attempt.count(file.size)
    return sha256


def _digest_of_blob(source: RangedFile, *, file: HubFile, part_bytes: int) -> str:
    """Verify a large file that is not LFS by its git id, and find the SHA-256 that its upload must begin with.

    The file is read once more then. The Hub takes such files only up to 10 MB, so this is rare.
    """
    blob, sha256 = git_blob_hasher(file.size), hashlib.sha256()
    for part in plan_parts(file.size, wanted=part_bytes):
        content = source.read(part.start, part.stop)
        blob.update(content)
        sha256.update(content)
    verify_digest(file, kind="git blob SHA-1", expected=file.blob_id, got=blob.hexdigest())
    return sha256.hexdigest()
