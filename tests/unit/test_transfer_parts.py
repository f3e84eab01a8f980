"""Parts, their order in the hash, and the memory they take."""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.import_model.buffers import Buffers, BuffersClosedError, Memory
from flows.import_model.options import TransferOptions
from flows.import_model.ordered_hash import OrderedHash
from flows.import_model.parts import MEBIBYTE, MOST_PARTS, SMALLEST_PART_BYTES, plan_parts

SIZES = st.integers(min_value=0, max_value=5 << 40)
"""Up to 5 TiB, S3's largest object."""

WANTED = st.integers(min_value=1, max_value=64 * MEBIBYTE)


@given(size=SIZES, wanted=WANTED)
def test_parts_cover_a_file_without_holes(size: int, wanted: int) -> None:
    """A byte that is in no part, or in two, makes another file."""
    parts = plan_parts(size, wanted=wanted)
    assert [part.start for part in parts] == [0, *(part.stop for part in parts[:-1])][: len(parts)]
    assert (parts[-1].stop if parts else 0) == size
    assert [part.number for part in parts] == list(range(1, len(parts) + 1))


@given(size=SIZES, wanted=WANTED)
def test_parts_keep_the_limits_of_s3(size: int, wanted: int) -> None:
    """A store refuses the 10,001st part, or a small one, after hours of uploading."""
    parts = plan_parts(size, wanted=wanted)
    assert len(parts) <= MOST_PARTS
    assert all(part.size >= SMALLEST_PART_BYTES for part in parts[:-1])
    assert len({part.size for part in parts[:-1]}) <= 1


def test_parts_are_as_large_as_wanted_where_that_fits() -> None:
    """Memory is bounded by what is configured, for all but gigantic files."""
    assert {part.size for part in plan_parts(160 * MEBIBYTE, wanted=16 * MEBIBYTE)} == {16 * MEBIBYTE}


def test_memory_is_bounded_by_the_options() -> None:
    """A pod's memory limit is set from this."""
    options = TransferOptions(part_bytes=16 * MEBIBYTE, ranges=4, window=1)
    assert options.memory_bytes(14 << 30) == 9 * 16 * MEBIBYTE
    assert options.memory_bytes(1000) == 1000
    assert options.memory_bytes(300_000 * MEBIBYTE) == 9 * 30 * MEBIBYTE


@given(st.permutations(range(1, 9)))
def test_parts_are_hashed_in_order_whatever_order_they_come_in(order: list[int]) -> None:
    """Ranges arrive in any order; SHA-256 does not forgive that."""
    contents = {number: bytes([number]) * number for number in order}
    digest, released = OrderedHash(), []
    for number in order:
        digest.add(number, memoryview(contents[number]), done=lambda number=number: released.append(number))  # type: ignore[misc]
    assert digest.hexdigest(parts=8) == hashlib.sha256(b"".join(contents[number] for number in range(1, 9))).hexdigest()
    assert released == sorted(order)


def test_a_missing_part_gives_no_digest() -> None:
    """A digest of a beginning must never pass for one of the whole."""
    digest = OrderedHash()
    digest.add(1, memoryview(b"one"), done=lambda: None)
    digest.add(3, memoryview(b"three"), done=lambda: None)
    with pytest.raises(RuntimeError, match="1 of 3 parts"):
        digest.hexdigest(parts=3)


def test_a_buffer_is_used_again_once_all_its_holders_let_go() -> None:
    """Bytes that are overwritten while they are uploaded would be stored wrong, with a good hash."""
    buffers = Buffers(count=1, size=4)
    first = buffers.take(holders=2)
    waiting = threading.Event()
    taken = []

    def take() -> None:
        waiting.set()
        taken.append(buffers.take(holders=1))

    taker = threading.Thread(target=take)
    taker.start()
    waiting.wait()
    buffers.let_go(first)
    assert taken == []
    buffers.let_go(first)
    taker.join(60)
    assert taken == [first]


def test_closing_wakes_whoever_waits_for_a_buffer() -> None:
    """A failed transfer must end, not wait for memory for ever."""
    buffers = Buffers(count=1, size=4)
    buffers.take(holders=1)
    threading.Timer(0.05, buffers.close).start()
    with pytest.raises(BuffersClosedError):
        buffers.take(holders=1)


def test_a_transfer_takes_the_memory_of_the_one_before() -> None:
    """Malloc keeps freed buffers for the thread that asked: eight files took the memory of twelve."""
    memory = Memory()
    ended, late = Buffers(count=2, size=4, memory=memory), Buffers(count=2, size=4, memory=memory)
    kept, still_read = ended.take(holders=1), ended.take(holders=1)
    ended.let_go(kept)
    ended.close()
    assert late.take(holders=1) is kept
    assert late.take(holders=1) is not still_read
    ended.let_go(still_read)
    assert Buffers(count=1, size=4, memory=memory).take(holders=1) is still_read


def test_all_transfers_together_keep_to_their_memory() -> None:
    """Where uploads are slow, the files of which only the end is uploaded would fill the pod."""
    memory = Memory(8)
    tail, reading = Buffers(count=2, size=4, memory=memory), Buffers(count=2, size=4, memory=memory)
    held = [tail.take(holders=1), tail.take(holders=1)]
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(reading.take, holders=1)
        assert not waiting.done()
        tail.let_go(held[0])
        assert waiting.result(60) is held[0]


def test_a_part_of_another_size_takes_the_place_of_spare_ones() -> None:
    """Files above 80 GB have larger parts: without this, they would wait for memory that nobody uses."""
    memory = Memory(12)
    small, large = Buffers(count=3, size=4, memory=memory), Buffers(count=1, size=10, memory=memory)
    for buffer in [small.take(holders=1) for _ in range(3)]:
        small.let_go(buffer)
    assert len(large.take(holders=1).data) == 10


def test_a_part_beyond_all_memory_is_moved_alone() -> None:
    """A limit that is too small for one part must slow an import down, not hang it."""
    memory = Memory(4)
    assert len(Buffers(count=1, size=10, memory=memory).take(holders=1).data) == 10
