"""A stream of parts: it ends whichever of them is late, and leaves its memory to others."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import cast

import pytest

from blocks.errors import UnavailableError
from blocks.hub_files import HubFile
from blocks.hub_ranges import RangedFile
from blocks.object_store import StoreClient
from blocks.objects import Upload, UploadedPart
from flows.import_model.buffers import Memory
from flows.import_model.options import TransferOptions
from flows.import_model.parts import SMALLEST_PART_BYTES
from flows.import_model.progress import Attempt
from flows.import_model.stream import Stream

PATIENCE = 60.0
OPTIONS = TransferOptions(part_bytes=SMALLEST_PART_BYTES, files=1, ranges=2, window=1)
PARTS = OPTIONS.buffers + 3
SIZE = PARTS * SMALLEST_PART_BYTES
DIGEST = hashlib.sha256(bytes(SIZE)).hexdigest()


class Zeros:
    """A file of zeros at the Hub: a fake of our own adapter.

    Attributes:
        before: called with each part's number before it is read.
    """

    def __init__(self, before: Callable[[int], None] = lambda _: None) -> None:
        self.file, self.before = HubFile("a", SIZE, DIGEST, ""), before

    def read_into(self, start: int, view: memoryview) -> None:
        """Fill a buffer."""
        self.before(1 + start // SMALLEST_PART_BYTES)
        view[:] = bytes(len(view))

    def close(self) -> None:
        """Nothing waits here."""


class Shelf:
    """A store that counts the parts it was given: a fake of our own adapter."""

    def __init__(self) -> None:
        self.taken, self.whole = threading.Semaphore(0), False

    def unfinished_uploads(self, _prefix: str) -> Iterator[Upload]:
        """There are none."""
        return iter(())

    def start_upload(self, key: str, *, metadata: Mapping[str, str]) -> Upload:  # noqa: ARG002 - the adapter's signature
        """Begin."""
        return Upload(key, "1")

    def upload_part(self, _upload: Upload, *, number: int, body: bytes | bytearray) -> UploadedPart:  # noqa: ARG002 - the adapter's signature
        """Take a part."""
        self.taken.release()
        return UploadedPart(number, "", "")

    def complete_upload(self, _upload: Upload, **_about: object) -> None:
        """Make it visible."""
        self.whole = True

    def abort_upload(self, upload: Upload) -> None:
        """Forget it."""


def _stream(source: Zeros, shelf: Shelf, memory: Memory | None = None) -> Stream:
    return Stream(
        cast("RangedFile", source), cast("StoreClient", shelf), key="a", sha256=DIGEST, metadata={},
        attempt=Attempt(options=OPTIONS, memory=memory), confirm=lambda: None,
    )  # fmt: skip


def _run(stream: Stream) -> None:
    """Run it in a thread that a hanging test leaves behind."""
    running = threading.Thread(target=stream.run, daemon=True)
    running.start()
    running.join(PATIENCE)
    assert not running.is_alive(), "it hangs"


def test_a_part_that_is_late_does_not_hold_the_others_for_ever() -> None:
    """All buffers wait to be hashed after it: it must be counted as read while the next part waits for one of them."""
    shelf = Shelf()

    def first_is_late(number: int) -> None:
        for _ in range(OPTIONS.buffers - 1 if number == 1 else 0):
            assert shelf.taken.acquire(timeout=PATIENCE)

    _run(_stream(Zeros(first_is_late), shelf))
    assert shelf.whole


def test_a_transfer_that_fails_leaves_its_memory_to_the_next() -> None:
    """Two tasks that were tried again left no memory for the third try: an import hung, and held its lease."""
    memory = Memory(OPTIONS.import_bytes)

    def third_fails(number: int) -> None:
        if number == 3:  # the first two are whole, or still under way
            raise UnavailableError("model hub", "it went away")

    for _ in range(PARTS):  # each would keep one buffer at least
        with pytest.raises(UnavailableError):
            _stream(Zeros(third_fails), Shelf(), memory).run()
    shelf = Shelf()
    _run(_stream(Zeros(), shelf, memory))
    assert shelf.whole
