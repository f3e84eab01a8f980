"""The Hub's JSON documents about repositories, commits and their files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sandbox.hub.errors import entry_not_found
from sandbox.hub.objects import blob_id
from sandbox.hub.store import Commit, Refs, Repository, StoredFile
from sandbox.hub.tokens import Token

Document = dict[str, Any]

_SAFE = {
    "status": "safe",
    "avScan": {"status": "safe", "virusFound": False, "virusNames": None},
    "pickleImportScan": None,
}


def whoami(token: Token) -> Document:
    """Who a token belongs to."""
    access = {"displayName": token.user, "role": "read", "createdAt": "2024-01-01T00:00:00.000Z"}
    return {
        "type": "user",
        "id": blob_id(token.user.encode())[:24],
        "name": token.user,
        "fullname": token.user,
        "canPay": False,
        "isPro": False,
        "orgs": [],
        "auth": {"type": "access_token", "accessToken": access},
    }


def repository_info(repository: Repository, commit: Commit, *, blobs: bool, expand: list[str]) -> Document:
    """What the Hub tells of a repository at a commit.

    Args:
        repository: the repository.
        commit: the commit.
        blobs: whether the siblings carry sizes and hashes.
        expand: names of the only properties wanted; empty for the usual ones.
    """
    weights = [file for file in commit.files.values() if file.path.endswith(".safetensors")]
    document: Document = {
        "_id": blob_id(f"{repository.kind} {repository.name}".encode())[:24],
        "id": repository.name,
        "author": repository.name.split("/")[0],
        "sha": commit.id,
        "lastModified": commit.date,
        "createdAt": commit.date,
        "private": False,
        "gated": "auto" if repository.refs().gated else False,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "tags": ["safetensors"] if weights else [],
        "usedStorage": sum(file.content.size for file in commit.files.values()),
        "siblings": [_sibling(file, blobs=blobs) for file in commit.files.values()],
    }
    if repository.kind == "model":
        document["modelId"] = repository.name
    if expand:
        return {name: value for name, value in document.items() if name in {"_id", "id", *expand}}
    return document


def refs(found: Refs, *, pull_requests: bool) -> Document:
    """Branches and tags, and pull requests on demand."""

    def below(prefix: str) -> list[Document]:
        return [
            {"name": ref.removeprefix(prefix), "ref": ref, "targetCommit": commit}
            for ref, commit in found.refs.items()
            if ref.startswith(prefix)
        ]

    document: Document = {"branches": below("refs/heads/"), "tags": below("refs/tags/"), "converts": []}
    return {**document, "pullRequests": below("refs/pr/")} if pull_requests else document


def commits(commit: Commit) -> list[Document]:
    """The history of a commit: itself, for the sandbox's commits have no parents."""
    author = {"user": "sandbox"}
    return [{"id": commit.id, "title": commit.title, "message": "", "date": commit.date, "authors": [author]}]


def tree(commit: Commit, folder: str, *, revision: str, recursive: bool, expand: bool) -> list[Document]:
    """The entries of a folder, folders first.

    Raises:
        HubError: 404 EntryNotFound, the commit has no such folder.
    """
    if folder not in commit.folders:
        raise entry_not_found(f'{folder} does not exist on "{revision}"', commit=commit.id)
    return [_entry(commit, path, expand=expand) for path in _walk(commit, folder, recursive=recursive)]


def paths_info(commit: Commit, paths: list[str], *, expand: bool) -> list[Document]:
    """The entries of some paths; paths that the commit does not have are left out."""
    wanted = [path.strip("/") for path in paths]
    return [_entry(commit, path, expand=expand) for path in wanted if path in commit.files or path in commit.folders]


def _walk(commit: Commit, folder: str, *, recursive: bool) -> Iterator[str]:
    for inner in sorted(path for path in commit.folders if path and path.rpartition("/")[0] == folder):
        yield inner
        if recursive:
            yield from _walk(commit, inner, recursive=True)
    yield from (path for path in commit.files if path.rpartition("/")[0] == folder)


def _entry(commit: Commit, path: str, *, expand: bool) -> Document:
    last = {"id": commit.id, "title": commit.title, "date": commit.date}
    file = commit.files.get(path)
    if file is None:
        entry: Document = {"type": "directory", "oid": commit.folders[path], "size": 0, "path": path}
        return {**entry, "lastCommit": last} if expand else entry
    entry = {"type": "file", "oid": file.content.blob_id, "size": file.content.size, "path": path}
    if file.content.sha256:
        entry["lfs"] = {"oid": file.content.sha256, **_lfs_sizes(file)}
    return {**entry, "lastCommit": last, "securityFileStatus": _SAFE} if expand else entry


def _sibling(file: StoredFile, *, blobs: bool) -> Document:
    if not blobs:
        return {"rfilename": file.path}
    sibling: Document = {"rfilename": file.path, "blobId": file.content.blob_id, "size": file.content.size}
    if file.content.sha256:
        sibling["lfs"] = {"sha256": file.content.sha256, **_lfs_sizes(file)}
    return sibling


def _lfs_sizes(file: StoredFile) -> Document:
    return {"size": file.content.size, "pointerSize": file.content.pointer_size}
