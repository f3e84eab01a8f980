"""Publishing into the sandbox's Hub: ids as git and the Hub compute them, and commits that never change."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from sandbox.hub import PublishError, publish, publish_files, set_tag
from sandbox.hub.errors import HubError
from sandbox.hub.objects import LFS_BYTES
from sandbox.hub.store import Repository, Store


def _repository(root: Path) -> Repository:
    found = Store(root).find("acme/model", kind="model")
    assert found is not None
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two text files, a folder whose name sorts between theirs, and weights."""
    made = tmp_path / "folder"
    (made / "sub").mkdir(parents=True)
    for name in ("a.txt", "sub/a.txt"):
        (made / name).write_text("hi\n")
    for name in ("sub-1", "sub.txt"):
        (made / name).touch()
    (made / "w.safetensors").write_bytes(b"weights")
    return made


def test_ids_are_those_of_git(tmp_path: Path, folder: Path) -> None:
    """A client that compares blob ids with git's own would refuse every file if they were computed another way."""
    publish(tmp_path, "acme/model", folder)
    commit = _repository(tmp_path).resolve("main")
    # From `git write-tree` over the same files, the weights replaced by their LFS pointer.
    assert commit.files["a.txt"].content.blob_id == "45b983be36b73c0788dc9cbcb76cbb80fc7bb057"
    assert commit.files["sub.txt"].content.blob_id == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
    assert commit.folders["sub"] == "0d8a474fc67971fb3dd7616e26323d3066442555"
    assert commit.folders[""] == "e4a673b666a1c56500713f8aa14b1187f3cdeb23"
    assert commit.id == "a67b42ab204358918f97550ced82f6f319f3ebf7"


def test_weights_are_in_lfs_and_text_is_not(tmp_path: Path, folder: Path) -> None:
    """An importer verifies LFS files by SHA-256 and others by blob id: it must meet both kinds."""
    publish(tmp_path, "acme/model", folder)
    content = {path: file.content for path, file in _repository(tmp_path).resolve("main").files.items()}
    assert content["w.safetensors"].sha256 == hashlib.sha256(b"weights").hexdigest()
    assert content["w.safetensors"].pointer_size == 126
    assert content["a.txt"].sha256 is None


def test_equal_content_is_the_same_commit(tmp_path: Path, folder: Path) -> None:
    """Publishing a replica again must not look like a branch that moved."""
    first = publish(tmp_path, "acme/model", folder)
    stored = (tmp_path / "models/acme/model/refs.json").stat()
    assert publish(tmp_path, "acme/model", folder) == first
    assert (tmp_path / "models/acme/model/refs.json").stat().st_mtime_ns == stored.st_mtime_ns


def test_new_content_moves_the_branch_and_keeps_the_commit(tmp_path: Path, folder: Path) -> None:
    """A pinned commit must stay readable after its branch moved on."""
    first = publish(tmp_path, "acme/model", folder)
    (folder / "a.txt").write_text("ho\n")
    second = publish(tmp_path, "acme/model", folder)
    repository = _repository(tmp_path)
    assert (repository.resolve("main").id, second != first) == (second, True)
    assert repository.blob(repository.resolve(first).files["a.txt"]).read_text() == "hi\n"


def test_large_files_are_linked_and_not_read_again(tmp_path: Path, folder: Path) -> None:
    """Replicas of several GB must cost neither twice their size nor a minute at every start."""
    weights = folder / "big.safetensors"
    with weights.open("wb") as stream:
        stream.truncate(LFS_BYTES)
    publish(tmp_path, "acme/model", folder)
    commit = _repository(tmp_path).resolve("main")
    assert _repository(tmp_path).blob(commit.files["big.safetensors"]).samefile(weights)
    # Other bytes under the same look would be noticed by whoever reads them.
    look = weights.stat()
    weights.write_bytes(b"x" * LFS_BYTES)
    _set_times(weights, look.st_mtime_ns)
    assert publish(tmp_path, "acme/model", folder) == commit.id


def test_a_large_file_that_was_overwritten_is_not_served(tmp_path: Path, folder: Path) -> None:
    """A commit must never give other bytes than it declares because somebody wrote into the published file."""
    weights = folder / "big.safetensors"
    weights.write_bytes(b"x" * LFS_BYTES)
    publish(tmp_path, "acme/model", folder)
    file = _repository(tmp_path).resolve("main").files["big.safetensors"]
    weights.write_bytes(b"y" * LFS_BYTES)
    _set_times(weights, file.stamp.mtime_ns + 1)
    with pytest.raises(HubError, match="Publish it again"):
        _repository(tmp_path).blob(file)
    publish(tmp_path, "acme/model", folder)
    again = _repository(tmp_path).resolve("main").files["big.safetensors"]
    assert again.content.sha256 == hashlib.sha256(b"y" * LFS_BYTES).hexdigest()
    assert _repository(tmp_path).blob(again).samefile(weights)


def test_revisions_are_branches_tags_commits_and_prefixes(tmp_path: Path, folder: Path) -> None:
    """Whatever a catalog names as revision has to resolve as it does at the Hub."""
    commit = publish(tmp_path, "acme/model", folder, branch="feature/x")
    set_tag(tmp_path, "acme/model", "v1", commit=commit)
    names = ("feature/x", "refs/heads/feature/x", "v1", commit, commit[:7])
    assert {_repository(tmp_path).resolve(name).id for name in names} == {commit}


@pytest.mark.parametrize("revision", ["main", "v2", "0" * 40, "../../refs", ""])
def test_an_unknown_revision_is_refused(tmp_path: Path, folder: Path, revision: str) -> None:
    """A typo in a revision must be an error, and no way out of the repository."""
    publish(tmp_path, "acme/model", folder, branch="other")
    with pytest.raises(HubError) as refusal:
        _repository(tmp_path).resolve(revision)
    assert refusal.value.code == "RevisionNotFound"


@pytest.mark.parametrize("repo", ["model", "../model", "acme/..", "acme/a/b", "acme/a--b", "/etc/passwd"])
def test_a_repository_name_cannot_leave_the_root(tmp_path: Path, folder: Path, repo: str) -> None:
    """A name with dots and slashes must not read or write beside the Hub's directory."""
    with pytest.raises(PublishError, match="ORG/NAME"):
        publish(tmp_path, repo, folder)
    assert Store(tmp_path).find(repo, kind="model") is None


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    """A wrong path must not become an empty commit that looks like a model."""
    with pytest.raises(PublishError, match="no files"):
        publish(tmp_path, "acme/model", tmp_path)
    with pytest.raises(PublishError, match="not a folder"):
        publish(tmp_path, "acme/model", tmp_path / "missing")


def test_links_are_followed_and_bookkeeping_is_left_out(tmp_path: Path, folder: Path) -> None:
    """A folder that a client downloaded is full of links and caches, and must publish as the model it is."""
    for name in (".git/HEAD", ".cache/huggingface/x.lock"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).touch()
    (folder / "link.txt").symlink_to(folder / "a.txt")
    publish(tmp_path, "acme/model", folder)
    paths = list(_repository(tmp_path).resolve("main").files)
    assert paths == ["a.txt", "link.txt", "sub-1", "sub.txt", "sub/a.txt", "w.safetensors"]


def test_a_hostile_path_stays_inside_the_store(tmp_path: Path, folder: Path) -> None:
    """Tests of importers need a repository that lists `../escape`; the store itself must not be fooled by it."""
    publish_files(tmp_path / "root", "acme/model", {"../../escape.bin": folder / "a.txt"})
    assert list(_repository(tmp_path / "root").resolve("main").files) == ["../../escape.bin"]
    assert not list(tmp_path.rglob("escape.bin"))


def _set_times(file: Path, mtime_ns: int) -> None:
    os.utime(file, ns=(mtime_ns, mtime_ns))
