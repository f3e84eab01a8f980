"""Fills a volume with a version: nothing if it is there, only what is missing after a kill, and proved byte by byte."""

from __future__ import annotations

import errno
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from flows.deploy_model.fill.download import Download, is_file
from flows.deploy_model.fill.errors import FolderInUseError, NoSpaceError, NoVersionError, VolumeError
from flows.deploy_model.fill.shelf import Shelf
from flows.import_model.keys import safe_key
from flows.import_model.manifest import MANIFEST, Manifest, ManifestFile
from flows.import_model.options import TransferOptions
from flows.import_model.progress import MEGABYTE
from flows.import_model.stock import read_manifest

if TYPE_CHECKING:
    from blocks.object_store import StoreClient

_HEADROOM_BYTES = 64 << 20
"""Left free on the volume: a file system that is full to the last block fails in odd places."""
_TOLD_EVERY_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class FillRequest:
    """What to fill.

    Attributes:
        volume: the folder that the volume is mounted at.
        prefix: the version's prefix in the bucket, with a trailing slash.
        folder: the version's folder on the volume.
        manifest_sha256: the manifest that the folder shall hold.
        keep: folders that stay, for the way back.
        in_use: folders that pods read from: they stay, and are never replaced.
        options: how much is in flight.
    """

    volume: Path
    prefix: str
    folder: str
    manifest_sha256: str
    keep: frozenset[str] = frozenset()
    in_use: frozenset[str] = frozenset()
    options: TransferOptions = field(default_factory=TransferOptions)


class FillResult(BaseModel):
    """What a fill did; `bytes_moved` counts what came from S3, `kept` names the other versions on the volume."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    state: Literal["filled", "held"]
    folder: str
    files: int
    bytes_total: int
    bytes_moved: int
    seconds: float
    kept: tuple[str, ...]
    removed: tuple[str, ...]

    def sentence(self) -> str:
        """Tell it in one line."""
        total = f"{self.files} files, {self.bytes_total / MEGABYTE:,.1f} MB"
        rest = f"; removed {', '.join(self.removed)}" if self.removed else ""
        if self.state == "held":
            return f"the volume holds {self.folder} already ({total}): nothing was moved{rest}"
        rate = self.bytes_moved / self.seconds / MEGABYTE if self.seconds else 0.0
        moved = f"{self.bytes_moved / MEGABYTE:,.1f} MB moved in {self.seconds:.1f} s ({rate:,.1f} MB/s)"
        beside = f", beside {', '.join(self.kept)}" if self.kept else ""
        return f"the volume holds {self.folder} ({total}), {moved}, every SHA-256 verified{beside}{rest}"


def fill(store: StoreClient, request: FillRequest, *, say: Callable[[str], None]) -> FillResult:
    """Make a volume hold a version.

    Args:
        store: the bucket.
        request: what to fill.
        say: told in one line what is done.

    Raises:
        FolderInUseError: the folder holds something else, and a pod reads from it.
        NoVersionError: the store has no such version.
        NoSpaceError: it does not fit.
        CorruptObjectError: an object is not what was imported; the folder is not there, what is proved stays for the
            next attempt.
        VolumeBusyError: another fill works on the volume.
        VolumeError: the volume's file system refused.
    """
    with _explained(request.volume):
        shelf = Shelf(request.volume)
        with shelf.locked():
            return _Fill(store, request, shelf, say).run()


class _Fill:
    def __init__(self, store: StoreClient, request: FillRequest, shelf: Shelf, say: Callable[[str], None]) -> None:
        self._store, self._request, self._shelf, self._say = store, request, shelf, say
        self._began = time.monotonic()
        self._moved = 0
        self._told = self._began
        self._counting = threading.Lock()

    def run(self) -> FillResult:
        manifest = self._manifest()
        folder = self._request.folder
        held = self._shelf.digest_of(folder)
        if held == self._request.manifest_sha256 and self._shelf.is_whole(folder, manifest):
            return self._result(manifest, "held", removed=())
        if folder in self._request.in_use and self._shelf.exists(folder):
            raise FolderInUseError(folder=folder, held=held)
        removed = self._shelf.clear(target=folder, keep=self._request.keep | self._request.in_use)
        draft = self._shelf.draft(folder)
        missing = self._missing(draft, manifest)
        self._check_space(missing)
        self._download(draft, missing)
        _write_durably(draft / MANIFEST, manifest.canonical())
        self._shelf.publish(folder)
        return self._result(manifest, "filled", removed=removed)

    def _manifest(self) -> Manifest:
        manifest = read_manifest(self._store, prefix=self._request.prefix)
        found = manifest.digest() if manifest else None
        if manifest is None or found != self._request.manifest_sha256:
            uri = f"s3://{self._store.bucket}/{self._request.prefix}"
            raise NoVersionError(uri=uri, wanted=self._request.manifest_sha256, found=found)
        for file in manifest.files:
            safe_key(self._request.prefix, file.path)
        return manifest

    def _missing(self, draft: Path, manifest: Manifest) -> list[ManifestFile]:
        """Return the files that an earlier attempt did not bring, largest first; remove what is not a file of it."""
        present = {file.path for file in manifest.files if is_file(draft / file.path, file=file)}
        for path in [each for each in draft.rglob("*") if not each.is_dir() or each.is_symlink()]:
            if path.relative_to(draft).as_posix() not in present:
                path.unlink()
        if present:
            self._say(f"{len(present)} files of an earlier attempt are proved and stay")
        return sorted((file for file in manifest.files if file.path not in present), key=lambda file: -file.size)

    def _check_space(self, missing: Sequence[ManifestFile]) -> None:
        needed, free = sum(file.size for file in missing), self._shelf.free_bytes() - _HEADROOM_BYTES
        if needed > free:
            raise NoSpaceError(needed=needed, free=free, kept=tuple(self._shelf.versions()))

    def _download(self, draft: Path, missing: Sequence[ManifestFile]) -> None:
        total = sum(file.size for file in missing)
        with ThreadPoolExecutor(self._request.options.files, thread_name_prefix="file") as threads:
            working = [threads.submit(self._bring, draft, file, total) for file in missing]
            ended, waiting = wait(working, return_when=FIRST_EXCEPTION)
            for each in waiting:
                each.cancel()
            for each in ended:
                each.result()

    def _bring(self, draft: Path, file: ManifestFile, total: int) -> None:
        Download(
            self._store,
            key=self._request.prefix + file.path,
            file=file,
            target=draft / file.path,
            options=self._request.options,
            on_bytes=lambda count: self._count(count, total),
        ).run()
        self._say(f"{file.path}: {file.size / MEGABYTE:,.1f} MB, verified, sha256 {file.sha256[:12]}")

    def _count(self, count: int, total: int) -> None:
        with self._counting:
            self._moved += count
            now = time.monotonic()
            due = now - self._told >= _TOLD_EVERY_SECONDS
            self._told = now if due else self._told
            rate = self._moved / (now - self._began) / MEGABYTE
            line = f"{self._moved / MEGABYTE:,.0f} of {total / MEGABYTE:,.0f} MB, {rate:,.1f} MB/s"
        if due:
            self._say(line)

    def _result(self, manifest: Manifest, state: Literal["filled", "held"], *, removed: tuple[str, ...]) -> FillResult:
        return FillResult(
            state=state,
            folder=self._request.folder,
            files=len(manifest.files),
            bytes_total=manifest.total_bytes(),
            bytes_moved=self._moved,
            seconds=round(time.monotonic() - self._began, 3),
            kept=tuple(name for name in self._shelf.versions() if name != self._request.folder),
            removed=removed,
        )


def _write_durably(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _explained(volume: Path) -> Iterator[None]:
    """Name our error behind the file system's."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            free = shutil.disk_usage(volume).free
            raise NoSpaceError(needed=free + 1, free=free, kept=tuple(Shelf(volume).versions())) from error
        raise VolumeError(path=str(error.filename or volume), reason=error.strerror or str(error)) from error
