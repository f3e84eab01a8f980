"""A file's way from a Hub into a store, over real servers: whole, verified, and never again."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from flows.import_model.transfer import abort_leftovers
from sandbox.hub import Rule, Slow
from tests.integration.transfer_lane import CONFIG, EMPTY, MIB, OPTIONS, VOCABULARY, WEIGHTS, Lane


@pytest.mark.parametrize("path", [WEIGHTS, VOCABULARY, CONFIG, EMPTY])
def test_a_file_arrives_whole_with_its_digests(path: str, lane: Lane) -> None:
    """Large and small, LFS and plain, even empty: each must be the Hub's bytes and say so of itself."""
    file = lane.file(path)
    done = lane.move(path)
    content, _ = lane.store.get(lane.prefix + path, limit_bytes=file.size)
    head = lane.store.head(lane.prefix + path)
    assert head is not None
    assert dict(head.metadata) == {"sha256": hashlib.sha256(content).hexdigest(), "hub-blob-id": file.blob_id}
    assert (done.sha256, done.size, done.skipped) == (head.metadata["sha256"], len(content), False)
    assert file.sha256 in {None, done.sha256}


@pytest.mark.parametrize("path", [WEIGHTS, VOCABULARY, CONFIG, EMPTY])
def test_rerun_moves_no_byte(path: str, lane: Lane) -> None:
    """The version before this one uploaded everything again on every run."""
    first = lane.move(path)
    asked = len(lane.server.log.entries())
    again = lane.move(path)
    assert (again.skipped, again.sha256) == (True, first.sha256)
    assert len(lane.server.log.entries()) == asked


@pytest.mark.parametrize("path", [WEIGHTS, CONFIG])
def test_an_object_of_another_digest_is_replaced(path: str, lane: Lane) -> None:
    """Equal size is no proof: an earlier attempt at another commit may have left its object."""
    file = lane.file(path)
    lane.store.put(lane.prefix + path, bytes(file.size), metadata={"sha256": "0" * 64, "hub-blob-id": "0" * 40})
    done = lane.move(path)
    head = lane.store.head(lane.prefix + path)
    assert head is not None
    assert (done.skipped, head.metadata["sha256"]) == (False, done.sha256)


def test_failure_18_ranges_of_a_file_move_side_by_side(lane: Lane) -> None:
    """One request after the other took 55 minutes where twenty at once took 2 (docs/failures.md, row 18)."""
    # Hosts limit a connection, not a client: what is there at once is what counts, and no clock has to tell.
    lane.server.faults.add(Rule(Slow(bytes_per_second=4 * MIB), path=f"*{WEIGHTS}", origin="cdn"))
    lane.move()
    assert lane.server.log.most_at_once >= OPTIONS.ranges
    lane.store.delete([lane.prefix + WEIGHTS])
    lane.server.log.clear()
    lane.move(options=replace(OPTIONS, ranges=1))
    assert lane.server.log.most_at_once < OPTIONS.ranges


def test_every_byte_is_counted_once(lane: Lane) -> None:
    """Progress that does not end at 100 % is not believed."""
    counted: list[int] = []
    lane.move(on_bytes=counted.append)
    assert sum(counted) == lane.file().size


def test_each_byte_is_read_once(lane: Lane) -> None:
    """The Hub is the slow side of an import; reading anything twice would double its time."""
    file = lane.file()
    lane.move()
    assert lane.server.log.sent(origin="cdn") == file.size


def test_the_token_stays_at_the_hub(lane: Lane) -> None:
    """Signed URLs lead to other hosts, which must never see the access token."""
    lane.move()
    seen = {(entry.origin, entry.authorized) for entry in lane.server.log.entries()}
    assert seen == {("hub", True), ("cdn", False)}


def test_leftovers_of_a_killed_run_are_aborted(lane: Lane) -> None:
    """Parts of unfinished uploads take space that no listing shows."""
    for name in ("a", "b"):
        lane.store.upload_part(lane.store.start_upload(lane.prefix + name, metadata={}), number=1, body=b"part")
    assert abort_leftovers(lane.store, prefix=lane.prefix) == 2
    assert list(lane.store.unfinished_uploads(lane.prefix)) == []


def test_a_transfer_aborts_only_leftovers_of_its_own_key(lane: Lane) -> None:
    """Two files are moved at a time, and one's name may begin with the other's."""
    neighbour = lane.store.start_upload(lane.prefix + WEIGHTS + ".index.json", metadata={})
    lane.store.start_upload(lane.prefix + WEIGHTS, metadata={})
    lane.move()
    assert [upload.id for upload in lane.store.unfinished_uploads(lane.prefix)] == [neighbour.id]
