"""One multipart upload that is fed by ranged reads: parallel, hashed in order, within a bounded memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from functools import partial
from typing import TYPE_CHECKING

from blocks.errors import BlockError
from blocks.hub_files import verify_digest
from flows.import_model.buffers import Buffer, Buffers
from flows.import_model.ordered_hash import OrderedHash
from flows.import_model.parts import Part, plan_parts
from flows.import_model.progress import Attempt

if TYPE_CHECKING:
    from blocks.hub_ranges import RangedFile
    from blocks.object_store import StoreClient
    from blocks.objects import Upload, UploadedPart


class Stream:
    """One multipart upload that is fed by ranged reads.

    Each of a few threads takes the next part, reads it, offers it to the hash and uploads it. At most half of them
    read, and at most half upload: on a line that they share, all would end their reads in the same moment, upload
    together, and leave one side idle while the other works. A buffer is free again when its part is both hashed and
    uploaded; parts take their buffers in order, so the part that the hash waits for always has one.
    """

    def __init__(
        self,
        source: RangedFile,
        store: StoreClient,
        *,
        key: str,
        sha256: str,
        metadata: Mapping[str, str],
        attempt: Attempt,
        confirm: Callable[[], None],
    ) -> None:
        self._source, self._store, self._key, self._sha256, self._metadata = source, store, key, sha256, metadata
        self._attempt, self._confirm = attempt, confirm
        options = attempt.options
        self._parts = plan_parts(source.file.size, wanted=options.part_bytes)
        self._workers = min(2 * options.ranges, len(self._parts))
        self._reading, self._uploading = (threading.Semaphore(options.ranges) for _ in range(2))
        self._left = iter(self._parts)
        self._taking = threading.Lock()
        self._buffers = Buffers(count=options.buffers, size=self._parts[0].size, memory=attempt.memory)
        self._unread, self._counting = len(self._parts), threading.Lock()
        self._hash = OrderedHash()

    def run(self) -> None:
        """Move the file and make it visible, or leave nothing behind."""
        file = self._source.file
        for leftover in self._store.unfinished_uploads(self._key):
            if leftover.key == self._key:
                self._store.abort_upload(leftover)
        upload = self._store.start_upload(self._key, metadata=self._metadata)
        try:
            parts = self._move(upload)
            got = self._hash.hexdigest(parts=len(self._parts))
            verify_digest(file, kind="SHA-256", expected=self._sha256, got=got)
            self._confirm()
            self._store.complete_upload(upload, parts=parts, size=file.size, metadata=self._metadata)
        except BaseException as error:
            self._abort(upload, error)
            raise

    def _move(self, upload: Upload) -> list[UploadedPart]:
        """Move all parts; on the first failure end all threads, and only then return to whoever aborts the upload."""
        try:
            with ThreadPoolExecutor(self._workers, thread_name_prefix="transfer") as threads:
                try:
                    working = [threads.submit(self._work, upload) for _ in range(self._workers)]
                    ended, _ = wait(working, return_when=FIRST_EXCEPTION)
                    for worker in ended:
                        worker.result()
                finally:
                    self._buffers.close()
                    self._source.close()
        finally:
            self._buffers.take_back()
        return sorted((part for worker in working for part in worker.result()), key=lambda part: part.number)

    def _work(self, upload: Upload) -> list[UploadedPart]:
        done: list[UploadedPart] = []
        while read := self._read_next():
            part, buffer = read
            content = memoryview(buffer.data)[: part.size]
            self._hash.add(part.number, content, done=partial(self._buffers.let_go, buffer))
            body = buffer.data if part.size == len(buffer.data) else bytes(content)
            with self._uploading:
                done.append(self._store.upload_part(upload, number=part.number, body=body))
            self._buffers.let_go(buffer)
            self._attempt.count(part.size)
        return done

    def _read_next(self) -> tuple[Part, Buffer] | None:
        with self._reading:
            taken = self._take()
            if taken:
                part, buffer = taken
                self._source.read_into(part.start, memoryview(buffer.data)[: part.size])
                self._count_read()
            return taken

    def _count_read(self) -> None:
        with self._counting:  # not `_taking`: its holder may wait for the very buffer whose part was just read
            self._unread -= 1
            if self._unread:
                return
        self._attempt.has_read()

    def _take(self) -> tuple[Part, Buffer] | None:
        with self._taking:
            part = next(self._left, None)
            return (part, self._buffers.take(holders=2)) if part else None

    def _abort(self, upload: Upload, error: BaseException) -> None:
        try:
            self._store.abort_upload(upload)
        except BlockError as second:
            error.add_note(f"The unfinished upload of {self._key} stays until the next import of it ({second}).")
