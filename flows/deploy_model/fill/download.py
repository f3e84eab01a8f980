"""Brings one file from S3 onto the volume: parallel ranges, hashed in order, its name given only when proved."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from flows.deploy_model.fill.errors import CorruptObjectError
from flows.import_model.buffers import Buffer, Buffers
from flows.import_model.manifest import ManifestFile
from flows.import_model.options import TransferOptions
from flows.import_model.ordered_hash import OrderedHash
from flows.import_model.parts import Part, plan_parts

if TYPE_CHECKING:
    from blocks.object_store import StoreClient

INCOMPLETE = ".incomplete"


class Download:
    """One object on its way into a file. Memory is bounded as that of an import's transfer.

    Args:
        store: where from.
        key: the object.
        file: what the manifest says of it.
        target: the file to write.
        options: how much is in flight.
        on_bytes: told the bytes of each range that was written, from several threads.
    """

    def __init__(
        self,
        store: StoreClient,
        *,
        key: str,
        file: ManifestFile,
        target: Path,
        options: TransferOptions,
        on_bytes: Callable[[int], None],
    ) -> None:
        self._store, self._key, self._file, self._target = store, key, file, target
        self._on_bytes = on_bytes
        self._parts = plan_parts(file.size, wanted=options.part_bytes)
        self._workers = min(options.ranges, len(self._parts))
        self._left = iter(self._parts)
        self._taking = threading.Lock()
        self._buffers = Buffers(
            count=options.ranges + options.window, size=max((p.size for p in self._parts), default=0)
        )
        self._hash = OrderedHash()

    def run(self) -> None:
        """Write the file durably under its name, or leave it without one.

        Raises:
            CorruptObjectError: the object's bytes are not those of the manifest.
            BlockError: the store failed.
            OSError: the volume did.
        """
        self._target.parent.mkdir(parents=True, exist_ok=True)
        draft = self._target.with_name(self._target.name + INCOMPLETE)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            if self._parts:
                # A full volume is found now, not at the last of 47 GB.
                os.posix_fallocate(descriptor, 0, self._file.size)
                self._move(descriptor)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        got = self._hash.hexdigest(parts=len(self._parts))
        if got != self._file.sha256:
            draft.unlink()
            uri = f"s3://{self._store.bucket}/{self._key}"
            raise CorruptObjectError(uri=uri, expected=self._file.sha256, got=got)
        draft.rename(self._target)

    def _move(self, descriptor: int) -> None:
        """Move all parts; on the first failure end all threads before the file is closed."""
        with ThreadPoolExecutor(self._workers, thread_name_prefix="download") as threads:
            try:
                working = [threads.submit(self._work, descriptor) for _ in range(self._workers)]
                ended, _ = wait(working, return_when=FIRST_EXCEPTION)
                for worker in ended:
                    worker.result()
            finally:
                self._buffers.close()

    def _work(self, descriptor: int) -> None:
        while taken := self._take():
            part, buffer = taken
            content = memoryview(buffer.data)[: part.size]
            self._store.read_into(self._key, start=part.start, target=content)
            self._hash.add(part.number, content, done=partial(self._buffers.let_go, buffer))
            written = 0
            while written < part.size:
                written += os.pwrite(descriptor, content[written:], part.start + written)
            self._buffers.let_go(buffer)
            self._on_bytes(part.size)

    def _take(self) -> tuple[Part, Buffer] | None:
        with self._taking:
            part = next(self._left, None)
            return (part, self._buffers.take(holders=2)) if part else None


def is_file(path: Path, *, file: ManifestFile) -> bool:
    """Whether a path has exactly the bytes that the manifest says: they are read, not believed."""
    if not path.is_file() or path.is_symlink() or path.stat().st_size != file.size:
        return False
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest() == file.sha256
