"""What the Hub declares about a revision's files, and the check of bytes against that declaration."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from blocks.errors import IntegrityError

SYSTEM = "model hub"


@dataclass(frozen=True, slots=True)
class HubFile:
    """One file of a revision, as the Hub declares it.

    Attributes:
        path: the path inside the repository, with forward slashes.
        size: bytes.
        sha256: hex digest of the content for LFS files; None for files that are plain git blobs.
        blob_id: git's SHA-1: of the content for plain files, of the pointer for LFS files.
    """

    path: str
    size: int
    sha256: str | None
    blob_id: str


@dataclass(frozen=True, slots=True)
class HubRevision:
    """A branch, tag or commit of a repository, resolved to one commit and its complete file set."""

    repo: str
    revision: str
    commit: str
    files: tuple[HubFile, ...]
    gated: bool


class DigestMismatchError(IntegrityError):
    """The Hub served other bytes than it declares."""

    def __init__(self, *, path: str, kind: str, expected: str, got: str) -> None:
        super().__init__(
            SYSTEM,
            f"{path} has {kind} {got}, but the Hub declares {expected}. Nothing of it was made visible. "
            f"Run the import again; if it fails again, set another `source.revision` in deployments/models/",
        )


def git_blob_hasher(size: int) -> hashlib._Hash:
    """Start the SHA-1 that git gives a blob of `size` bytes: it covers a header, then the content."""
    return hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)


def verify_content(file: HubFile, content: bytes | bytearray | memoryview) -> str:
    """Check a whole file against what the Hub declares: SHA-256 for LFS files, git's SHA-1 for others.

    Returns:
        The content's SHA-256 in hex.

    Raises:
        DigestMismatchError: the bytes are others.
    """
    digest = hashlib.sha256(content).hexdigest()
    if file.sha256 is not None:
        verify_digest(file, kind="SHA-256", expected=file.sha256, got=digest)
        return digest
    blob = git_blob_hasher(len(content))
    blob.update(content)
    verify_digest(file, kind="git blob SHA-1", expected=file.blob_id, got=blob.hexdigest())
    return digest


def verify_digest(file: HubFile, *, kind: str, expected: str, got: str) -> None:
    """Raise DigestMismatchError unless both hex digests are equal."""
    if expected != got:
        raise DigestMismatchError(path=file.path, kind=kind, expected=expected, got=got)


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One tensor of a safetensors file.

    Attributes:
        dtype: as safetensors names it: "BF16", "F16", "I32" …
        shape: the sizes of its dimensions; empty for a scalar.
        start: its first byte, counted from the end of the header.
        stop: the byte after its last.
    """

    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int
