"""The manifest: what is true of a version's bytes, in canonical JSON, whose SHA-256 is the version's identity."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from deployments.spec import Identity
from flows.import_model.errors import ManifestError

if TYPE_CHECKING:
    from blocks.hub_files import HubFile

MANIFEST = "manifest.json"
DIGEST_PROPERTY = "manifest_sha256"
DIGEST_ANNOTATION = "slipway.dev/manifest-sha256"


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ManifestSource(_Fact):
    """Where the bytes came from: a repository and the commit that its revision was resolved to."""

    repo: str
    commit: str


class ManifestFile(_Fact):
    """One file: its path below the version's prefix, size in bytes, SHA-256, and the Hub's own id of its content."""

    path: str
    size: int
    sha256: str
    hub_id: str


class Manifest(_Fact):
    """What is true of a version's bytes. No times, hosts or tool versions: equal content gives an equal digest."""

    schema_version: Literal[1] = 1
    model: str
    version: str
    source: ManifestSource
    identity: Identity
    files: tuple[ManifestFile, ...]

    def canonical(self) -> bytes:
        """The one serialization: UTF-8 JSON, sorted keys, two spaces, files by path, one newline at the end."""
        content = self.model_dump(mode="json")
        content["files"].sort(key=lambda file: file["path"])
        return (json.dumps(content, sort_keys=True, indent=2, ensure_ascii=False) + "\n").encode()

    def digest(self) -> str:
        """SHA-256 of the canonical bytes, in hex: what registry, service and test records carry."""
        return hashlib.sha256(self.canonical()).hexdigest()

    def file_set(self) -> str:
        """SHA-256 over the sorted (path, Hub id) pairs: two versions are equal when these are."""
        return file_set_of((file.path, file.hub_id) for file in self.files)

    def total_bytes(self) -> int:
        """Size of all files together, in bytes; the manifest itself does not count."""
        return sum(file.size for file in self.files)


def file_set_of(pairs: Iterable[tuple[str, str]]) -> str:
    """Digest a file set given as (path, Hub id) pairs, in any order."""
    return hashlib.sha256("".join(f"{path}\0{hub_id}\n" for path, hub_id in sorted(pairs)).encode()).hexdigest()


def file_set_of_source(files: Iterable[HubFile]) -> str:
    """Digest the file set that a Hub revision would give."""
    return file_set_of((file.path, file.blob_id) for file in files)


def parse_manifest(content: bytes, *, key: str) -> Manifest:
    """Read a manifest back.

    Raises:
        ManifestError: the object is no manifest of a schema that this version knows.
    """
    try:
        return Manifest.model_validate_json(content)
    except ValidationError as error:
        problem = error.errors()[0]
        reason = f"{'.'.join(map(str, problem['loc'])) or 'content'}: {problem['msg']}"
        raise ManifestError(key=key, reason=reason) from error
