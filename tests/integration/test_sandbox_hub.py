"""The official client does not notice that the sandbox's Hub is none."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoFile, RepoFolder

from sandbox.hub import Drop, HubServer, Rule, publish, set_tag
from tests.integration.hub_folders import DATASET, REPO, SHARD_BYTES, SHARDS, files, write_model

GATED = "acme/gated-model"
MIB = 1024 * 1024
TOKENS = f"good:ann, stranger:bob:-, partner:cy:{GATED}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model's files."""
    return write_model(tmp_path_factory.mktemp("folder"))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Path:
    """A Hub's directory with an open model, a gated model and a data set."""
    made = tmp_path_factory.mktemp("root")
    commit = publish(made, REPO, folder)
    set_tag(made, REPO, "v1.0", commit=commit)
    publish(made, REPO, folder / "original", branch="feature/other")
    publish(made, GATED, folder, gated=True)
    publish(made, DATASET, folder / "original", kind="dataset")
    return made


@pytest.fixture
def hub(root: Path) -> Iterator[HubServer]:
    """A running Hub whose listings have pages of 3 entries."""
    with HubServer(root, tokens=TOKENS, page_size=3) as server:
        yield server


@pytest.fixture
def api(hub: HubServer) -> HfApi:
    """The official client, without a token."""
    return HfApi(endpoint=hub.url, token=False)


def test_model_info_declares_every_file(api: HfApi, folder: Path) -> None:
    """An importer plans and verifies by these sizes and hashes."""
    info = api.model_info(REPO, files_metadata=True)
    assert info.siblings is not None
    declared = {file.rfilename: file.lfs.sha256 for file in info.siblings if file.lfs}
    assert {file.rfilename for file in info.siblings} == set(files(folder))
    assert declared == {path: files(folder)[path] for path in (*SHARDS, "tokenizer.json")}
    assert {file.rfilename: file.size for file in info.siblings}["README.md"] == (folder / "README.md").stat().st_size
    assert (len(info.sha or ""), info.gated, info.private) == (40, False, False)


def test_model_info_takes_any_revision(api: HfApi) -> None:
    """Catalogs name branches, tags and commits."""
    commit = api.model_info(REPO).sha
    assert api.model_info(REPO, revision="v1.0").sha == commit
    assert api.model_info(REPO, revision=commit).sha == commit
    assert api.model_info(REPO, revision="feature/other").sha != commit


def test_model_info_gives_only_the_properties_asked_for(api: HfApi) -> None:
    """Clients that expand one property must not get, or wait for, all."""
    info = api.model_info(REPO, expand=["sha"])
    assert info.sha
    assert info.siblings is None


def test_a_long_tree_comes_in_pages(api: HfApi, hub: HubServer, folder: Path) -> None:
    """An importer that forgets the second page imports half a model."""
    entries = list(api.list_repo_tree(REPO, recursive=True))
    assert {entry.path for entry in entries if isinstance(entry, RepoFile)} == set(files(folder))
    assert [entry.path for entry in entries if isinstance(entry, RepoFolder)] == ["original"]
    assert len(hub.log.entries("*/tree/*")) == 4


def test_a_tree_can_be_listed_by_folder_and_in_detail(api: HfApi) -> None:
    """File-system views of the Hub, which evaluation tools use, list one folder with its last commit."""
    entries = list(api.list_repo_tree(REPO, "original", expand=True))
    assert [entry.path for entry in entries] == ["original/odd näme #1 100%.txt", "original/params.json"]
    assert all(entry.last_commit and entry.last_commit.oid == api.model_info(REPO).sha for entry in entries)


def test_paths_info_finds_files_and_folders(api: HfApi) -> None:
    """File-system views of the Hub ask for single paths, some of which do not exist."""
    found = api.get_paths_info(REPO, ["config.json", "original", "missing"], expand=True)
    assert [(type(entry), entry.path) for entry in found] == [(RepoFile, "config.json"), (RepoFolder, "original")]


def test_refs_list_branches_and_tags(api: HfApi) -> None:
    """A run says which branch moved, and finds that here."""
    refs = api.list_repo_refs(REPO, include_pull_requests=True)
    assert {branch.name: branch.ref for branch in refs.branches} == {
        "main": "refs/heads/main",
        "feature/other": "refs/heads/feature/other",
    }
    assert [(tag.name, tag.target_commit) for tag in refs.tags] == [("v1.0", api.model_info(REPO).sha)]


def test_commits_and_access_can_be_asked_for(api: HfApi) -> None:
    """Clients check access before they download, and show the newest commit."""
    api.auth_check(REPO)
    assert [commit.commit_id for commit in api.list_repo_commits(REPO)] == [api.model_info(REPO).sha]


def test_whoami_names_the_user(hub: HubServer) -> None:
    """A preflight check tells with this whether the token is good."""
    assert HfApi(endpoint=hub.url, token="good").whoami()["name"] == "ann"
    with pytest.raises(HfHubHTTPError, match="Invalid user token"):
        HfApi(endpoint=hub.url, token="wrong").whoami()


def test_a_snapshot_has_the_published_bytes(hub: HubServer, folder: Path, tmp_path: Path) -> None:
    """The whole of a repository arrives, odd names and empty files included, and the token never leaves the Hub."""
    snapshot_download(REPO, endpoint=hub.url, token="good", local_dir=tmp_path)
    assert files(tmp_path) == files(folder)
    assert {entry.authorized for entry in hub.log.entries(origin="cdn")} == {False}


def test_a_file_resumes_after_a_dropped_connection(hub: HubServer, root: Path, tmp_path: Path) -> None:
    """A download must go on where it broke off, with a range; the client keeps pieces of 10 MiB."""
    weights = tmp_path / "folder" / "model.safetensors"
    weights.parent.mkdir()
    weights.write_bytes(hashlib.shake_128(b"large").digest(12 * MIB))
    publish(root, "acme/large", weights.parent)
    hub.faults.add(Rule(Drop(after=11 * MIB, reset=False), origin="cdn", times=1))
    path = hf_hub_download("acme/large", weights.name, endpoint=hub.url, token=False, local_dir=tmp_path / "got")
    assert Path(path).read_bytes() == weights.read_bytes()
    requests = [(entry.status, entry.range, entry.sent) for entry in hub.log.entries(origin="cdn")]
    assert requests == [(200, None, 11 * MIB), (206, f"bytes={10 * MIB}-", 2 * MIB)]


def test_safetensors_headers_are_read_without_the_weights(hub: HubServer, tmp_path: Path) -> None:
    """A preflight check reads parameters and types from headers; in a process of its own, for it uses the cache."""
    script = (
        "from huggingface_hub import HfApi, snapshot_download; import json;"
        f"m = HfApi(token=False).get_safetensors_metadata({REPO!r});"
        f"print(json.dumps([m.sharded, m.parameter_count, snapshot_download({REPO!r}, allow_patterns='*.md')]))"
    )
    environment = {**os.environ, "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path), "HF_HUB_DISABLE_XET": "1"}
    environment.pop("HF_TOKEN", None)
    output = subprocess.run(
        [sys.executable, "-c", script], env=environment, check=True, capture_output=True, text=True
    ).stdout
    sharded, parameters, snapshot = json.loads(output)
    assert (sharded, parameters) == (True, {"U8": 2 * SHARD_BYTES})
    assert (Path(snapshot) / "README.md").is_file()
    assert hub.log.sent("*.safetensors", origin="cdn") < 2 * SHARD_BYTES


def test_a_data_set_downloads_like_a_model(hub: HubServer, api: HfApi, tmp_path: Path) -> None:
    """Evaluation tasks come as data sets, under their own addresses."""
    path = hf_hub_download(
        DATASET, "params.json", repo_type="dataset", endpoint=hub.url, token=False, local_dir=tmp_path
    )
    assert Path(path).read_text() == '{"dim": 8}'
    assert api.dataset_info(DATASET).sha == api.list_repo_refs(DATASET, repo_type="dataset").branches[0].target_commit


@pytest.mark.parametrize(("token", "status"), [(False, 401), ("stranger", 403)])
def test_a_gated_repository_is_closed_to_strangers(
    hub: HubServer, tmp_path: Path, *, token: str | bool, status: int
) -> None:
    """Missing and insufficient tokens are told apart, and neither is 'repository not found'."""
    with pytest.raises(GatedRepoError) as refusal:
        hf_hub_download(GATED, "config.json", endpoint=hub.url, token=token, local_dir=tmp_path)
    assert refusal.value.response.status_code == status
    with pytest.raises(GatedRepoError):
        HfApi(endpoint=hub.url, token=token).auth_check(GATED)
    assert HfApi(endpoint=hub.url, token=token).model_info(GATED).gated == "auto"


@pytest.mark.parametrize("token", ["good", "partner"])
def test_a_gated_repository_is_open_to_those_let_in(hub: HubServer, tmp_path: Path, token: str) -> None:
    """The token that the owner let in opens files in LFS and others."""
    for name in ("config.json", SHARDS[0]):
        assert Path(hf_hub_download(GATED, name, endpoint=hub.url, token=token, local_dir=tmp_path)).is_file()


@pytest.mark.parametrize("repo", [REPO, GATED, "acme/missing"])
def test_an_invalid_token_is_refused_everywhere(hub: HubServer, repo: str) -> None:
    """A mistyped token must not read as a missing repository, nor work for open ones."""
    with pytest.raises(HfHubHTTPError, match="Invalid credentials") as refusal:
        HfApi(endpoint=hub.url, token="wrong").model_info(repo)
    assert refusal.value.response.status_code == 401
    assert not isinstance(refusal.value, RepositoryNotFoundError)


@pytest.mark.parametrize(("token", "status"), [(False, 401), ("good", 404)])
def test_a_missing_repository_is_not_found(hub: HubServer, *, token: str | bool, status: int) -> None:
    """The Hub hides from strangers whether a repository exists; the client says 'not found' both times."""
    with pytest.raises(RepositoryNotFoundError) as refusal:
        HfApi(endpoint=hub.url, token=token).model_info("acme/missing")
    assert refusal.value.response.status_code == status


def test_a_missing_revision_is_not_found(hub: HubServer, api: HfApi, tmp_path: Path) -> None:
    """A branch that does not exist is told apart from a repository that does not."""
    with pytest.raises(RevisionNotFoundError, match="Invalid rev id: nope"):
        api.model_info(REPO, revision="nope")
    with pytest.raises(RevisionNotFoundError):
        hf_hub_download(REPO, "config.json", revision="nope", endpoint=hub.url, token=False, local_dir=tmp_path)


def test_a_missing_entry_is_not_found(hub: HubServer, api: HfApi, tmp_path: Path) -> None:
    """A file or folder that does not exist is told apart from the rest, and files that may be missing are asked for."""
    with pytest.raises(EntryNotFoundError):
        hf_hub_download(REPO, "nope.json", endpoint=hub.url, token=False, cache_dir=tmp_path)
    with pytest.raises(EntryNotFoundError, match='nope does not exist on "main"'):
        list(api.list_repo_tree(REPO, "nope"))
    assert not api.file_exists(REPO, "nope.json")
    assert api.file_exists(REPO, "config.json")


def test_a_publish_is_seen_at_once(api: HfApi, root: Path, folder: Path) -> None:
    """A branch that moves during a run is one of the faults the sandbox shows."""
    publish(root, "acme/moving", folder)
    before = api.model_info("acme/moving").sha
    publish(root, "acme/moving", folder / "original")
    assert api.model_info("acme/moving").sha != before
    assert api.model_info("acme/moving", revision=before).sha == before
