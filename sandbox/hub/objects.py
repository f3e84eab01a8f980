"""Git's and LFS's names for content: blob, pointer, tree and commit ids as the Hub computes them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

LFS_PATTERNS = ("*.safetensors", "*.bin", "*.pt", "*.gguf", "*.model", "tokenizer.json")
LFS_BYTES = 10 * 1024 * 1024  # the Hub refuses larger files as plain blobs

_READ_BYTES = 4 * 1024 * 1024
# A fixed author and time: equal content must give an equal commit id, on every machine and every day.
_SIGNATURE = "slipway sandbox <sandbox@localhost> 0 +0000"


@dataclass(frozen=True)
class ContentId:
    """What the Hub declares of a file's bytes.

    Attributes:
        size: bytes.
        blob_id: SHA-1 of the git blob; of the pointer file where the content is in LFS.
        sha256: hex digest of the content, None where it is not in LFS.
        pointer_size: bytes of the LFS pointer file, None where the content is not in LFS.
    """

    size: int
    blob_id: str
    sha256: str | None = None
    pointer_size: int | None = None

    @property
    def key(self) -> str:
        """The name of the content in the store, and its ETag: SHA-256 in LFS, else the blob id."""
        return self.sha256 or self.blob_id


def is_lfs(path: str, *, size: int) -> bool:
    """Whether the Hub keeps a file of this name and size (bytes) in LFS."""
    name = path.rsplit("/", 1)[-1]
    return size >= LFS_BYTES or any(fnmatchcase(name, pattern) for pattern in LFS_PATTERNS)


def content_id(source: Path, *, path: str) -> ContentId:
    """Read a file once and name its content as the Hub would under `path`."""
    size = source.stat().st_size
    if not is_lfs(path, size=size):
        data = source.read_bytes()
        return ContentId(size=len(data), blob_id=blob_id(data))
    digest = hashlib.sha256()
    with source.open("rb") as stream:
        while block := stream.read(_READ_BYTES):
            digest.update(block)
    pointer = lfs_pointer(digest.hexdigest(), size=size)
    return ContentId(size=size, blob_id=blob_id(pointer), sha256=digest.hexdigest(), pointer_size=len(pointer))


def lfs_pointer(sha256: str, *, size: int) -> bytes:
    """The text that git holds in place of a large file (git-lfs specification, version 1)."""
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()


def blob_id(data: bytes) -> str:
    """The git blob id of some bytes, 40 hex digits."""
    return _object_id("blob", data)


def tree_ids(blobs: Mapping[str, str]) -> dict[str, str]:
    """Git tree ids of all folders.

    Args:
        blobs: path → blob id.

    Returns:
        folder → tree id; the root is "".
    """
    ids: dict[str, str] = {}
    folders: dict[str, dict[str, str]] = {"": {}}
    for path, blob in blobs.items():
        parent, _, name = path.rpartition("/")
        folders.setdefault(parent, {})[name] = blob
        while parent:
            parent = parent.rpartition("/")[0]
            folders.setdefault(parent, {})
    for folder in sorted(folders, key=lambda name: name.count("/") + bool(name), reverse=True):
        children = [(name, "100644", blob) for name, blob in folders[folder].items()]
        children += [(_base(path), "40000", tree) for path, tree in ids.items() if path.rpartition("/")[0] == folder]
        ids[folder] = _tree_id(children)
    return ids


def commit_id(tree: str, *, message: str) -> str:
    """The git commit id of a parentless commit of `tree` by the sandbox's fixed author."""
    text = f"tree {tree}\nauthor {_SIGNATURE}\ncommitter {_SIGNATURE}\n\n{message}\n"
    return _object_id("commit", text.encode())


def _tree_id(children: Iterable[tuple[str, str, str]]) -> str:
    # Git sorts folders as if their names ended in a slash.
    ordered = sorted(children, key=lambda child: (child[0] + "/" * (child[1] == "40000")).encode())
    return _object_id("tree", b"".join(f"{mode} {name}\0".encode() + bytes.fromhex(oid) for name, mode, oid in ordered))


def _object_id(kind: str, data: bytes) -> str:
    # SHA-1 is git's naming scheme here, not a safeguard.
    return hashlib.sha1(f"{kind} {len(data)}\0".encode() + data, usedforsecurity=False).hexdigest()


def _base(path: str) -> str:
    return path.rpartition("/")[2]
