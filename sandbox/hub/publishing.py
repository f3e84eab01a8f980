"""Make folders commits: hash what is new, link or copy the bytes, move the branch."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sandbox.hub.errors import PublishError
from sandbox.hub.objects import LFS_BYTES, ContentId, commit_id, content_id, tree_ids
from sandbox.hub.store import (
    Commit,
    Kind,
    Repository,
    Stamp,
    StoredFile,
    blob_is_intact,
    is_repo_name,
    repo_folder,
)

_TITLE = "Publish a folder"
_IGNORED = (".git", ".cache/huggingface")  # what the Hub's own uploader leaves out


def publish(
    root: Path,
    repo: str,
    folder: Path,
    *,
    branch: str = "main",
    kind: Kind = "model",
    gated: bool = False,
    commit: str | None = None,
) -> str:
    """Make a folder the newest commit of a branch.

    Large files are hard-linked where the file system allows it: replace such a file to change it, do not write into it.

    Args:
        root: the Hub's root directory; made if missing.
        repo: `org/name`; made if missing.
        folder: the files; links are followed, `.git` and `.cache/huggingface` are left out.
        branch: the branch to move; made if missing.
        kind: model or data set.
        gated: whether the repository's files need a token that was let in. The last publish decides.
        commit: the id to answer for, where the folder stands in for a commit that somebody has pinned; by default the
            id follows from the content.

    Returns:
        The commit's id. Equal content gives an equal id and moves nothing.

    Raises:
        PublishError: the folder or the repository's name will not do.
    """
    if not folder.is_dir():
        raise PublishError(f"{folder} is not a folder. Name a folder that holds the repository's files")
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    wanted = {path: source for path, source in files.items() if not _is_ignored(path)}
    return publish_files(root, repo, wanted, branch=branch, kind=kind, gated=gated, commit=commit)


def publish_files(
    root: Path,
    repo: str,
    files: Mapping[str, Path],
    *,
    branch: str = "main",
    kind: Kind = "model",
    gated: bool = False,
    commit: str | None = None,
) -> str:
    """As `publish`, with a path in the repository for each file, even one no folder can hold (`../escape.bin`)."""
    if not is_repo_name(repo):
        raise PublishError(f"{repo!r} is no repository name. Write it as ORG/NAME: letters, digits, '-', '_', '.'")
    if not files:
        raise PublishError(f"{repo} would have no files. Name a folder that holds the repository's files")
    repository = Repository(repo_folder(root, repo, kind=kind), kind=kind, name=repo)
    for folder in ("blobs", "commits"):
        (repository.folder / folder).mkdir(parents=True, exist_ok=True)
    with _locked(repository.folder):
        blobs = _Blobs(repository)
        stored = {path: blobs.store(files[path].resolve(), path=path) for path in sorted(files)}
        written = _write_commit(repository, stored, pinned=commit)
        _set_ref(repository, f"refs/heads/{branch}", commit=written, gated=gated)
    return written


def set_tag(root: Path, repo: str, tag: str, *, commit: str, kind: Kind = "model") -> None:
    """Point a tag of an existing repository at a commit of it.

    Raises:
        PublishError: the repository has no such commit.
    """
    repository = Repository(repo_folder(root, repo, kind=kind), kind=kind, name=repo)
    if not (repository.folder / "commits" / f"{commit}.json").is_file():
        raise PublishError(f"{repo} has no commit {commit}. Publish it first")
    with _locked(repository.folder):
        _set_ref(repository, f"refs/tags/{tag}", commit=commit, gated=repository.refs().gated)


def _is_ignored(path: str) -> bool:
    return any(path.startswith(f"{ignored}/") for ignored in _IGNORED)


class _Blobs:
    """The bytes of a repository, while something is published into it."""

    def __init__(self, repository: Repository) -> None:
        self._folder = repository.folder / "blobs"
        stored = [file for commit in repository.commits() for file in commit.files.values()]
        intact = [file for file in stored if blob_is_intact(self._folder / file.content.key, file=file)]
        self._mtimes = {file.content.key: file.stamp.blob_mtime_ns for file in intact}
        # Small files are always read again: their time stamps are too coarse for a file that is rewritten at once.
        self._large = {_look(file.stamp, file.content): file for file in intact if file.content.size >= LFS_BYTES}

    def store(self, source: Path, *, path: str) -> StoredFile:
        """Take in the file that is to be `path` in the commit."""
        look = source.stat()
        same = self._large.get((look.st_ino, look.st_mtime_ns, look.st_size))
        if same is not None:
            return StoredFile(path=path, content=same.content, stamp=same.stamp)
        content = content_id(source, path=path)
        if content.key not in self._mtimes:
            self._mtimes[content.key] = _place(source, self._folder / content.key, link=content.size >= LFS_BYTES)
        stamp = Stamp(inode=look.st_ino, mtime_ns=look.st_mtime_ns, blob_mtime_ns=self._mtimes[content.key])
        return StoredFile(path=path, content=content, stamp=stamp)


def _look(stamp: Stamp, content: ContentId) -> tuple[int, int, int]:
    return stamp.inode, stamp.mtime_ns, content.size


def _place(source: Path, blob: Path, *, link: bool) -> int:
    """Put bytes in place under their final name in one step; returns the blob's mtime in nanoseconds."""
    with tempfile.TemporaryDirectory(dir=blob.parent) as scratch:
        placed = Path(scratch, "blob")
        if not (link and _link(source, placed)):
            shutil.copy2(source, placed)
        placed.replace(blob)
    return blob.stat().st_mtime_ns


def _link(source: Path, target: Path) -> bool:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links: the caller copies
        return False
    return True


def _write_commit(repository: Repository, files: dict[str, StoredFile], *, pinned: str | None) -> str:
    folders = tree_ids({path: file.content.blob_id for path, file in files.items()})
    commit = pinned or commit_id(folders[""], message=_TITLE)
    target = repository.folder / "commits" / f"{commit}.json"
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    date = repository.commit(commit).date if target.is_file() else now
    text = Commit(id=commit, date=date, title=_TITLE, files=files, folders=folders).to_json()
    # Stamps may have moved although the content did not: they are kept with the commit, its id has no part of them.
    _write(target, text)
    return commit


def _set_ref(repository: Repository, ref: str, *, commit: str, gated: bool) -> None:
    refs = repository.refs().refs if (repository.folder / "refs.json").is_file() else {}
    document = {"gated": gated, "refs": dict(sorted({**refs, ref: commit}.items()))}
    _write(repository.folder / "refs.json", json.dumps(document, indent=1) + "\n")


def _write(target: Path, text: str) -> None:
    if target.is_file() and target.read_text(encoding="utf-8") == text:
        return
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=target.parent, suffix=".tmp", delete=False) as stream:
        stream.write(text)
    Path(stream.name).replace(target)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
