"""The proof of a version's bytes: it speaks of the objects that were read, and of no other."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from blocks.objects import ObjectEntry
from flows.byte_proof import ByteProof, ReadFile, damaged_files, proof_key
from flows.import_model.stock import written_later
from tests.unit.deploy_facts import manifest_of, spec_of

SPEC = spec_of()
MANIFEST = manifest_of(SPEC)
WRITTEN = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
HELD = {
    SPEC.prefix + file.path: ObjectEntry(SPEC.prefix + file.path, file.size, '"tag"', WRITTEN)
    for file in MANIFEST.files
}
WEIGHTS = SPEC.prefix + "model.safetensors"


def proof(found: str) -> ByteProof:
    """A verification that read the weights and found this SHA-256."""
    read = ReadFile(path="model.safetensors", size=14_000_000_000, etag='"tag"', modified=WRITTEN, sha256=found)
    return ByteProof(manifest_sha256=MANIFEST.digest(), flow_run_id="r", finished="t", files=(read,))


def damaged(found: str, held: dict[str, ObjectEntry]) -> frozenset[str]:
    """What an import replaces."""
    return damaged_files(proof(found), manifest=MANIFEST, held=held, prefix=SPEC.prefix)


def test_a_file_that_was_read_and_is_other_is_damaged() -> None:
    """A bit that rots beneath the store changes neither tag nor time: an import would believe the metadata."""
    assert damaged("9" * 64, HELD) == {"model.safetensors"}
    assert damaged("1" * 64, HELD) == frozenset()


@pytest.mark.parametrize("change", [{"etag": '"new"'}, {"modified": WRITTEN + timedelta(seconds=1)}, {"size": 3}])
def test_an_object_that_was_written_since_is_another_one(change: dict[str, object]) -> None:
    """Every import after a repair would transfer the file again, for ever."""
    held = HELD | {WEIGHTS: replace(HELD[WEIGHTS], **change)}  # type: ignore[arg-type]  # fields of ObjectEntry
    assert damaged("9" * 64, held) == frozenset()


def test_nothing_is_damaged_before_anybody_looked() -> None:
    """A first re-import would move everything."""
    assert damaged_files(None, manifest=MANIFEST, held=HELD, prefix=SPEC.prefix) == frozenset()


def test_a_proof_survives_its_file() -> None:
    """The store's times have fractions, which must come back as they were."""
    odd = proof("9" * 64).files[0].model_copy(update={"modified": WRITTEN.replace(microsecond=123_456)})
    whole = proof("9" * 64).model_copy(update={"files": (odd,)})
    assert ByteProof.model_validate_json(whole.model_dump_json()) == whole
    assert proof_key(SPEC.prefix) == "verifications/Mistral-Small-24B-Instruct/quantized-w4a16.json"


def test_what_was_written_after_the_manifest_is_looked_at() -> None:
    """An overwritten file of the same size would be taken for the imported one."""
    marker = ObjectEntry(SPEC.prefix + "manifest.json", 9, '"m"', WRITTEN)
    held = HELD | {marker.key: marker}
    assert written_later(held, prefix=SPEC.prefix) == frozenset()
    held[WEIGHTS] = replace(HELD[WEIGHTS], modified=WRITTEN + timedelta(seconds=1))
    assert written_later(held, prefix=SPEC.prefix) == {"model.safetensors"}
