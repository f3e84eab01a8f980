"""Reading a version back: every byte, several files at once, each failure on its own file, and an end when asked."""

from __future__ import annotations

import hashlib
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from blocks.errors import UnavailableError
from blocks.objects import ObjectEntry, ObjectHead
from flows.import_model.manifest import ManifestFile
from flows.verify_model.rehash import FILES_AT_ONCE, PIECE_BYTES, StoredFile, rehash

WRITTEN = datetime(2026, 11, 23, tzinfo=UTC)


@dataclass
class FakeStore:
    """Stands for our own adapter.

    Attributes:
        objects: bytes by key.
        tags: entity tags that differ from the listing's.
        away: keys whose reading fails.
        interrupting: interrupts the main thread with the first read; the others are slow, and wait for that.
        interrupted: whether the main thread has been.
        reads: what was read, as (key, start).
    """

    objects: dict[str, bytes]
    tags: dict[str, str] = field(default_factory=dict)
    away: frozenset[str] = frozenset()
    interrupting: bool = False
    interrupted: threading.Event = field(default_factory=threading.Event)
    reads: list[tuple[str, int]] = field(default_factory=list)

    def read_into(self, key: str, *, start: int, target: memoryview, attempts: int) -> None:
        """Give a range."""
        assert attempts
        if key in self.away:
            raise UnavailableError("object store", "no answer")
        self.reads.append((key, start))
        if self.interrupting:
            if len(self.reads) == 1:
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            assert self.interrupted.wait(60)
            time.sleep(0.2)  # all that are left would take ten seconds
        target[:] = self.objects[key][start : start + len(target)]

    def head(self, key: str) -> ObjectHead:
        """Look at an object."""
        return ObjectHead(key, len(self.objects[key]), self.tags.get(key, "tag"), {})


def files(store: FakeStore, **expected: bytes) -> tuple[StoredFile, ...]:
    """A listing of the store, with the manifest's bytes where they are others."""
    return tuple(
        StoredFile(
            file=ManifestFile(
                path=key, size=len(held), sha256=hashlib.sha256(expected.get(key, held)).hexdigest(), hub_id="h"
            ),
            entry=ObjectEntry(key, len(held), "tag", WRITTEN),
        )
        for key, held in store.objects.items()
    )


def read(store: FakeStore, listed: tuple[StoredFile, ...]) -> dict[str, StoredFile]:
    """Read everything; gives each file by path, and checks that they keep their order."""
    counted: list[int] = []
    found = rehash(store, listed, on_bytes=counted.append)  # type: ignore[arg-type]  # a fake of ours
    assert [each.file.path for each in found] == [each.file.path for each in listed]
    assert sum(counted) == sum(len(store.objects[key]) for key, _ in {(key, 0) for key, _ in store.reads})
    return {each.file.path: each for each in found}


def test_a_flipped_byte_in_the_last_piece_is_found() -> None:
    """A proof that reads only the beginning proves nothing."""
    whole = bytes(PIECE_BYTES + 3)
    store = FakeStore({"a": whole[:-1] + b"!", "empty": b""})
    found = read(store, files(store, a=whole))
    assert found["a"].sha256 == hashlib.sha256(store.objects["a"]).hexdigest() != found["a"].file.sha256
    assert store.reads == [("a", 0), ("a", PIECE_BYTES)]
    assert found["empty"].sha256 == found["empty"].file.sha256


def test_a_file_that_cannot_be_read_stops_no_other() -> None:
    """One bad disk would hide the state of all other files."""
    store = FakeStore({"a": b"1", "b": b"2"}, away=frozenset("a"))
    found = read(store, files(store))
    assert (found["a"].sha256, found["a"].problem) == (None, "object store: no answer")
    assert found["b"].sha256


def test_a_file_that_is_written_meanwhile_is_not_condemned() -> None:
    """A verification beside a repair would call the repaired file damaged."""
    store = FakeStore({"a": b"new"}, tags={"a": "another"})
    found = read(store, files(store, a=b"old"))
    assert (found["a"].sha256, found["a"].problem) == (None, "it was written while it was read; verify again")


@pytest.fixture
def interrupting() -> Iterator[FakeStore]:
    """A store whose first read is interrupted, as by Ctrl-C."""
    store = FakeStore({f"{number}": bytes(8) for number in range(200)}, interrupting=True)

    def interrupt(_number: int, _frame: object) -> None:
        store.interrupted.set()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    yield store
    signal.signal(signal.SIGINT, before)


def test_a_cancelled_verification_reads_no_further(interrupting: FakeStore) -> None:
    """A cancelled run would read 47 GB to the end before it stops."""
    store = interrupting
    with pytest.raises(KeyboardInterrupt):
        rehash(store, files(store), on_bytes=lambda _: None)  # type: ignore[arg-type]  # a fake of ours
    assert len(store.reads) < 200 - FILES_AT_ONCE
