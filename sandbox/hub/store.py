"""Repositories on disk: refs, immutable commits and the bytes they name.

Layout under the root: `{models,datasets}/{org}/{name}/` with `refs.json` (gate, branches, tags), `commits/{id}.json`
(the file list) and `blobs/{sha256 or git blob id}` (the bytes).
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, get_args

from sandbox.hub.errors import HubError, revision_not_found
from sandbox.hub.objects import ContentId, tree_ids

Kind = Literal["model", "dataset"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_REPO = re.compile(r"[A-Za-z0-9_][\w.-]{0,95}/[A-Za-z0-9_][\w.-]{0,95}", re.ASCII)
_COMMIT_PREFIX = re.compile(r"[0-9a-f]{7,40}")


@dataclass(frozen=True)
class Stamp:
    """How a file looked when it was hashed: while it looks the same, it is not read again.

    Attributes:
        inode: of the file that was published.
        mtime_ns: of the file that was published.
        blob_mtime_ns: of the stored blob, which can be an older link to equal content.
    """

    inode: int
    mtime_ns: int
    blob_mtime_ns: int


@dataclass(frozen=True)
class StoredFile:
    """A file of a commit."""

    path: str
    content: ContentId
    stamp: Stamp


@dataclass(frozen=True)
class Commit:
    """An immutable state of a repository.

    Attributes:
        id: 40 hex digits.
        date: when it was published, ISO 8601 in UTC with milliseconds, as the Hub writes it.
        title: first line of the message.
        files: by path, sorted.
        folders: folder → git tree id; the root is "".
    """

    id: str
    date: str
    title: str
    files: dict[str, StoredFile]
    folders: dict[str, str]

    def to_json(self) -> str:
        """The text of the commit's file; the folders are computed again when it is read."""
        files = [asdict(file) for file in self.files.values()]
        return json.dumps({"id": self.id, "date": self.date, "title": self.title, "files": files}, indent=1) + "\n"


@dataclass(frozen=True)
class Refs:
    """Where a repository's names point.

    Attributes:
        gated: whether its files need a token that was let in.
        refs: full ref name (`refs/heads/main`, `refs/tags/v1`, `refs/pr/1`) → commit id.
    """

    gated: bool
    refs: dict[str, str]


class Repository:
    """A repository folder; reads it anew whenever it has changed, so that publishing needs no restart."""

    def __init__(self, folder: Path, *, kind: Kind, name: str) -> None:
        self.folder = folder
        self.kind = kind
        self.name = name
        self._commits: dict[str, tuple[int, Commit]] = {}

    def refs(self) -> Refs:
        """The gate and the refs; FileNotFoundError while nothing was published."""
        data = json.loads((self.folder / "refs.json").read_text(encoding="utf-8"))
        return Refs(gated=bool(data["gated"]), refs=dict(data["refs"]))

    def resolve(self, revision: str) -> Commit:
        """The commit that a branch, tag, full ref, commit id or its first 7 or more digits names.

        Raises:
            HubError: 404 RevisionNotFound.
        """
        refs = self.refs().refs
        for ref in (f"refs/heads/{revision}", f"refs/tags/{revision}", revision):
            if ref in refs:
                return self.commit(refs[ref])
        if _COMMIT_PREFIX.fullmatch(revision):
            found = sorted((self.folder / "commits").glob(f"{revision}*.json"))
            if len(found) == 1:
                return self.commit(found[0].stem)
        raise revision_not_found(revision)

    def commit(self, commit: str) -> Commit:
        """A commit by its full id."""
        file = self.folder / "commits" / f"{commit}.json"
        mtime = file.stat().st_mtime_ns
        cached = self._commits.get(commit)
        if cached is None or cached[0] != mtime:
            cached = self._commits[commit] = (mtime, _read_commit(file))
        return cached[1]

    def commits(self) -> list[Commit]:
        """All commits, whether a ref still names them or not."""
        return [self.commit(file.stem) for file in sorted((self.folder / "commits").glob("*.json"))]

    def blob(self, file: StoredFile) -> Path:
        """Where a file's bytes are.

        Raises:
            HubError: 500, the bytes are gone or were overwritten (a large blob is a link to the published file).
        """
        path = self.folder / "blobs" / file.content.key
        if not blob_is_intact(path, file=file):
            raise HubError(500, f"{file.path} was overwritten in place after it was published. Publish it again")
        return path


class Store:
    """All repositories under a root directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._repositories: dict[Path, Repository] = {}

    def find(self, name: str, *, kind: Kind) -> Repository | None:
        """The repository `org/name`, or None where nothing of that name was published."""
        if not is_repo_name(name):
            return None
        folder = repo_folder(self.root, name, kind=kind)
        if not (folder / "refs.json").is_file():
            return None
        return self._repositories.setdefault(folder, Repository(folder, kind=kind, name=name))


def is_repo_name(name: str) -> bool:
    """Whether the Hub would allow `org/name`; what it allows cannot leave the root."""
    return _REPO.fullmatch(name) is not None and ".." not in name and "--" not in name


def repo_folder(root: Path, name: str, *, kind: Kind) -> Path:
    """Where the repository `org/name` lives."""
    return root / f"{kind}s" / name


def blob_is_intact(path: Path, *, file: StoredFile) -> bool:
    """Whether the blob still looks as it did when its content was hashed."""
    try:
        found = os.stat(path)  # noqa: PTH116 - half the cost of Path.stat, and this runs for every request
    except FileNotFoundError:
        return False
    return (found.st_size, found.st_mtime_ns) == (file.content.size, file.stamp.blob_mtime_ns)


def _read_commit(file: Path) -> Commit:
    data = json.loads(file.read_text(encoding="utf-8"))
    files = {
        item["path"]: StoredFile(item["path"], ContentId(**item["content"]), Stamp(**item["stamp"]))
        for item in data["files"]
    }
    folders = tree_ids({path: stored.content.blob_id for path, stored in files.items()})
    return Commit(id=data["id"], date=data["date"], title=data["title"], files=files, folders=folders)
