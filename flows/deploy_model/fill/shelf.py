"""The folders of a volume: one a version, whole or not there, and the previous one kept for the way back."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from pathlib import Path

from flows.deploy_model.fill.errors import VolumeBusyError
from flows.import_model.manifest import MANIFEST, Manifest

PARTIAL = ".partial"
REPLACED = ".replaced"
_LOCK = ".slipway-fill.lock"


class Shelf:
    """A mounted volume whose top-level folders are versions.

    A version's folder carries its manifest, byte for byte: the SHA-256 of that file is what the folder holds. It gets
    its name by a rename when all is written, so that a folder of a version's name is always whole.

    Args:
        root: the folder that the volume is mounted at.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other fills of this volume out for a block of code.

        Raises:
            VolumeBusyError: there is one.
        """
        with (self.root / _LOCK).open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise VolumeBusyError from None
            yield

    def digest_of(self, folder: str) -> str | None:
        """The SHA-256 of the manifest that a folder carries; None if there is no such folder, or it is not ours."""
        try:
            return hashlib.sha256((self.root / folder / MANIFEST).read_bytes()).hexdigest()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def exists(self, folder: str) -> bool:
        """Whether there is a folder of this name with anything in it; KServe's pods leave empty ones."""
        path = self.root / folder
        return path.is_dir() and any(path.iterdir())

    def is_whole(self, folder: str, manifest: Manifest) -> bool:
        """Whether every file of a manifest is in a folder at its size."""
        return all(_size(self.root / folder / file.path) == file.size for file in manifest.files)

    def draft(self, folder: str) -> Path:
        """The folder in which a version is put together; what an earlier attempt left is still in it."""
        path = self.root / f"{folder}{PARTIAL}"
        path.mkdir(exist_ok=True)
        return path

    def versions(self) -> list[str]:
        """The whole versions, the one that was filled last first."""
        whole = [path for path in self.root.iterdir() if not _is_leftover(path.name) and (path / MANIFEST).is_file()]
        return [path.name for path in sorted(whole, key=lambda path: (path / MANIFEST).stat().st_mtime, reverse=True)]

    def clear(self, *, target: str, keep: AbstractSet[str]) -> tuple[str, ...]:
        """Remove older versions and what attempts at other versions left; folders that are not ours stay.

        Args:
            target: the version that is to be filled.
            keep: versions that stay. If there are none of them, the one that was filled last stays.

        Returns:
            The names of what was removed.
        """
        others = [name for name in self.versions() if name != target]
        kept = keep & set(others) or set(others[:1])
        ours = [path.name for path in self.root.iterdir() if _is_leftover(path.name) and path.is_dir()]
        removed = [name for name in others if name not in kept]
        removed += [name for name in ours if name != f"{target}{PARTIAL}"]
        for name in removed:
            shutil.rmtree(self.root / name)
        return tuple(sorted(removed))

    def publish(self, folder: str) -> None:
        """Give a draft its name, durably; what had the name before is removed."""
        target, replaced = self.root / folder, self.root / f"{folder}{REPLACED}"
        for path in (self.draft(folder), *_folders_below(self.draft(folder))):
            sync_folder(path)
        if target.exists():
            target.rename(replaced)
        self.draft(folder).rename(target)
        sync_folder(self.root)
        if replaced.exists():
            shutil.rmtree(replaced)

    def free_bytes(self) -> int:
        """Bytes that may still be written."""
        return shutil.disk_usage(self.root).free


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _folders_below(path: Path) -> list[Path]:
    return [each for each in path.rglob("*") if each.is_dir()]


def _is_leftover(name: str) -> bool:
    return name.endswith((PARTIAL, REPLACED))


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        return None
