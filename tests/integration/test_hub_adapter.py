"""Our Hub adapter against a Hub: what it reads, and what it says when it may not."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from blocks.errors import AccessDeniedError, IntegrityError, NotFoundError, RejectedError, UnavailableError
from blocks.hub import HubClient, ModelHub
from blocks.hub_files import HubFile, TensorInfo
from sandbox.hub import Corrupt, Drop, HubServer, Rule, Slow, Status, publish
from tests.integration.hub_folders import REPO, SHARD_BYTES, SHARDS, files, write_model

GATED = "acme/gated-model"
TOKENS = "hf_good:ann, hf_stranger:bob:-"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Hub's directory with an open and a gated model."""
    made, folder = tmp_path_factory.mktemp("root"), write_model(tmp_path_factory.mktemp("folder"))
    publish(made, REPO, folder)
    publish(made, GATED, folder, gated=True)
    return made


@pytest.fixture
def server(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A running Hub; no token is in the environment."""
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with HubServer(root, tokens=TOKENS) as running:
        yield running


@pytest.fixture
def hub(server: HubServer) -> HubClient:
    """Our adapter, without a token."""
    return ModelHub(endpoint=server.url, attempts=2).client()


def declared(hub: HubClient, path: str) -> tuple[str, HubFile]:
    """A commit, and what the Hub declares of one of its files."""
    revision = hub.resolve(REPO, revision="main")
    return revision.commit, next(file for file in revision.files if file.path == path)


def test_a_branch_resolves_to_a_commit_and_every_file(hub: HubClient, server: HubServer, tmp_path: Path) -> None:
    """`main` is no provenance: the version before this one recorded it as such."""
    revision = hub.resolve(REPO, revision="main")
    assert revision.commit == HfApi(endpoint=server.url, token=False).model_info(REPO).sha
    folder = write_model(tmp_path)
    assert {file.path: file.size for file in revision.files} == {
        path: (folder / path).stat().st_size for path in files(folder)
    }
    assert {file.path: file.sha256 for file in revision.files if file.sha256} == {
        path: files(folder)[path] for path in (*SHARDS, "tokenizer.json")
    }
    assert all(len(file.blob_id) == 40 for file in revision.files)


def test_an_open_repository_passes_without_a_token(hub: HubClient) -> None:
    """Newcomers have no account."""
    hub.check(REPO, revision="main")


def test_a_gated_repository_without_a_token_says_how_to_get_in(hub: HubClient, server: HubServer) -> None:
    """The version before this one read a secret key that did not exist, and silently ran unauthenticated."""
    with pytest.raises(AccessDeniedError, match=rf"gated and no token was sent.*{server.url}/{GATED}.*export HF_TOKEN"):
        hub.check(GATED, revision="main")


def test_a_missing_token_is_told_before_anything_is_asked(hub: HubClient, server: HubServer) -> None:
    """The catalog knows which models are gated; their import need not ask the Hub to fail."""
    with pytest.raises(AccessDeniedError, match="export HF_TOKEN"):
        hub.check(GATED, revision="main", token_needed=True)
    assert server.log.entries() == []


def test_an_empty_token_variable_is_no_token(server: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """An optional secret that is not there gives an empty variable, not a missing one."""
    monkeypatch.setenv("HF_TOKEN", " ")
    assert not ModelHub(endpoint=server.url).client().authenticated


def test_an_accepted_licence_lets_us_in(server: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The token is taken from the variable that the block names."""
    monkeypatch.setenv("OTHER_TOKEN", "hf_good")
    ModelHub(endpoint=server.url, token_variable="OTHER_TOKEN").client().check(GATED, revision="main")


def test_a_licence_that_was_not_accepted_is_told(server: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A good token of the wrong account needs another remedy than a missing one."""
    monkeypatch.setenv("HF_TOKEN", "hf_stranger")
    with pytest.raises(AccessDeniedError, match=r"has no access yet\. Accept its licence at"):
        ModelHub(endpoint=server.url).client().check(GATED, revision="main")


def test_a_refused_token_is_never_printed(server: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The version before this one printed ten characters of it."""
    monkeypatch.setenv("HF_TOKEN", "hf_secretsecret")
    client = ModelHub(endpoint=server.url).client()
    with pytest.raises(AccessDeniedError, match=r"\$HF_TOKEN is not accepted") as caught:
        client.check(REPO, revision="main")
    shown = f"{caught.value!r} {caught.value.__cause__!r} {vars(client)!r}"
    assert "secret" not in shown.replace("SecretStr", "").lower()


@pytest.mark.parametrize(
    ("repo", "revision", "sentence"),
    [
        ("acme/nothing", "main", "acme/nothing does not exist"),
        (REPO, "no-such-branch", "has no revision 'no-such-branch'"),
    ],
)
def test_what_does_not_exist_is_named(hub: HubClient, repo: str, revision: str, sentence: str) -> None:
    """A typo in a catalog entry is mended in the catalog."""
    with pytest.raises(NotFoundError, match=rf"{sentence}.*deployments/models/"):
        hub.check(repo, revision=revision)


def test_no_repository_name_is_no_repository(hub: HubClient) -> None:
    """A URL pasted as a name must not end in the client library's own error."""
    with pytest.raises(RejectedError, match="is no repository name"):
        hub.check("https://huggingface.co/acme/model", revision="main")


def test_an_unreachable_hub_is_told_within_seconds() -> None:
    """The client library retries refused connections for 23 s in places; preflight must not wait for that."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        hub = ModelHub(endpoint=f"http://127.0.0.1:{bound.getsockname()[1]}").client()
        began = time.monotonic()
        with pytest.raises(UnavailableError, match="cannot be reached"):
            hub.check(REPO, revision="main")
    assert time.monotonic() - began < 15


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_hub_is_transient(hub: HubClient, server: HubServer, status: int) -> None:
    """Its rate limit ends; the import must not have ended before."""
    server.faults.add(Rule(Status(status)))
    with pytest.raises(UnavailableError, match=f"HTTP {status}"):
        hub.check(REPO, revision="main")


def test_an_unreachable_storage_host_fails_preflight(hub: HubClient, server: HubServer) -> None:
    """Firewalls open the Hub and forget the hosts of its signed URLs: that must not be found out hours later."""
    server.faults.add(Rule(Drop(after=None), origin="cdn"))
    with pytest.raises(UnavailableError, match="cannot be reached"):
        hub.check(REPO, revision="main")


@pytest.mark.parametrize("path", ["config.json", "tokenizer.json", "empty.txt", "original/odd näme #1 100%.txt"])
def test_small_files_are_read_and_verified(hub: HubClient, tmp_path: Path, path: str) -> None:
    """Identity is judged from config.json; its bytes must be those of the commit."""
    commit, file = declared(hub, path)
    content = hub.read(REPO, commit=commit, file=file, limit_bytes=1 << 20)
    assert content == (write_model(tmp_path) / path).read_bytes()


@pytest.mark.parametrize("path", ["config.json", "tokenizer.json"])
def test_a_corrupt_small_file_is_refused(hub: HubClient, server: HubServer, path: str) -> None:
    """The version before this one compared no checksum with the Hub's."""
    commit, file = declared(hub, path)
    server.faults.add(Rule(Corrupt(), path=f"*{path}"))
    with pytest.raises(IntegrityError, match=f"{path} has"):
        hub.read(REPO, commit=commit, file=file, limit_bytes=1 << 20)


def test_a_file_over_its_limit_is_not_read(hub: HubClient, server: HubServer) -> None:
    """A config.json of gigabytes must not fill the memory of a flow's pod."""
    commit, file = declared(hub, "config.json")
    asked = len(server.log.entries())
    with pytest.raises(RejectedError, match="more than the 10"):
        hub.read(REPO, commit=commit, file=file, limit_bytes=10)
    assert len(server.log.entries()) == asked


def test_a_header_is_read_without_the_weights(hub: HubClient, server: HubServer) -> None:
    """A 24B model's identity is proved in seconds, from kilobytes."""
    commit, file = declared(hub, SHARDS[0])
    tensors = hub.safetensors_header(REPO, commit=commit, file=file)
    assert tensors == {"layer.0.weight": TensorInfo("U8", (SHARD_BYTES,), 0, SHARD_BYTES)}
    assert server.log.sent(origin="cdn") < SHARD_BYTES


def test_a_file_that_is_larger_than_declared_is_refused(hub: HubClient) -> None:
    """A mirror that serves another file under the same name must not get a byte of it in."""
    commit, file = declared(hub, SHARDS[0])
    other = HubFile(file.path, file.size - 1, file.sha256, file.blob_id)
    with pytest.raises(IntegrityError, match=f"size {file.size} bytes where it is stored"):
        hub.open(REPO, commit=commit, file=other).read(0, 10)


def test_a_closed_file_ends_its_reads(hub: HubClient, server: HubServer) -> None:
    """A cancelled run must not sit out a slow line."""
    commit, file = declared(hub, SHARDS[0])
    server.faults.add(Rule(Slow(seconds=30), origin="cdn"))
    source = hub.open(REPO, commit=commit, file=file)
    source.close()
    with pytest.raises(UnavailableError, match="was cancelled"):
        source.read(0, 10)
