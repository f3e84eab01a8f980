"""What a verification found of a version's bytes: `verify` keeps it in the store, an import replaces what it condemns.

A manifest tells which bytes an object should have, a listing only its size. Between the two stands this record: the
objects that were read, by entity tag and time, and the SHA-256 that they had. It speaks of nothing else: an object that
was written since is another object, which nobody has proved.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from blocks.errors import NotFoundError
from blocks.objects import ObjectEntry
from flows.import_model.errors import ProofError

if TYPE_CHECKING:
    from blocks.object_store import StoreClient
    from flows.import_model.manifest import Manifest

PROOFS = "verifications/"
_LIMIT_BYTES = 64 << 20


class ReadFile(BaseModel):
    """One object that was read whole.

    Attributes:
        path: below the version's prefix.
        size: bytes.
        etag: the object's entity tag when it was read.
        modified: when the object was written, by the store's clock.
        sha256: of what was read, in hex.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    size: int
    etag: str
    modified: datetime
    sha256: str

    def is_of(self, entry: ObjectEntry | None) -> bool:
        """Whether it was this object, and not an earlier one of the same name."""
        return entry is not None and (entry.size, entry.etag, entry.modified) == (self.size, self.etag, self.modified)


class ByteProof(BaseModel):
    """What one verification read of a version.

    Attributes:
        manifest_sha256: the manifest that it was compared with.
        flow_run_id: the verification.
        finished: when, in ISO 8601.
        files: what was read; a file that was missing, or had another size, is not among them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    manifest_sha256: str
    flow_run_id: str
    finished: str
    files: tuple[ReadFile, ...]

    def still_true(self, held: Mapping[str, ObjectEntry], *, prefix: str) -> dict[str, str]:
        """Return the SHA-256 of each path whose object is the one that was read.

        Args:
            held: the objects by key, as listed now.
            prefix: the version's key prefix, with a trailing slash.
        """
        return {file.path: file.sha256 for file in self.files if file.is_of(held.get(prefix + file.path))}


def proof_key(prefix: str) -> str:
    """Where the proof of a version is kept; each verification replaces the one before."""
    return f"{PROOFS}{prefix.rstrip('/')}.json"


def read_proof(client: StoreClient, *, prefix: str) -> ByteProof | None:
    """Read what the last verification found; None if there was none.

    Raises:
        ProofError: something else stands in its place.
    """
    key = proof_key(prefix)
    try:
        content, _ = client.get(key, limit_bytes=_LIMIT_BYTES)
        return ByteProof.model_validate_json(content)
    except NotFoundError:
        return None
    except ValidationError as error:
        raise ProofError(key=key, reason=error.errors()[0]["msg"]) from error


def write_proof(client: StoreClient, proof: ByteProof, *, prefix: str) -> None:
    """Keep what a verification found."""
    client.put(proof_key(prefix), proof.model_dump_json(indent=2).encode(), content_type="application/json")


def damaged_files(
    proof: ByteProof | None, *, manifest: Manifest, held: Mapping[str, ObjectEntry], prefix: str
) -> frozenset[str]:
    """Return the paths whose objects were read, are still there, and are not what the manifest says: pure.

    Args:
        proof: what the last verification found, if there was one.
        manifest: the version's manifest.
        held: the objects by key, as listed now.
        prefix: the version's key prefix, with a trailing slash.
    """
    found = proof.still_true(held, prefix=prefix) if proof else {}
    return frozenset(file.path for file in manifest.files if found.get(file.path, file.sha256) != file.sha256)
