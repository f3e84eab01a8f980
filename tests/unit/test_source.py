"""Which commit a version is made of, and when an import must refuse."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from blocks.errors import RejectedError
from blocks.hub_files import HubFile, HubRevision, TensorInfo
from deployments import catalog
from deployments.spec import ModelSpec
from flows.import_model.errors import IdentityError, VersionTakenError
from flows.import_model.manifest import Manifest, ManifestFile, ManifestSource
from flows.import_model.source import ResolvedSource, resolve

OLD, NEW = "a" * 40, "b" * 40

CONFIG: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "num_hidden_layers": 30,
    "hidden_size": 576,
    "intermediate_size": 1536,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "vocab_size": 49152,
    "max_position_embeddings": 8192,
    "torch_dtype": "bfloat16",
}


def spec(**source: object) -> ModelSpec:
    """The catalog's smollm2, with parts of its source replaced."""
    real = catalog.load("smollm2")
    return real.model_copy(update={"source": real.source.model_copy(update=source)})


@dataclass
class FakeHub:
    """Stands for our own adapter: revisions by name, one config, and how often weights were looked at."""

    branches: dict[str, str]
    contents: dict[str, dict[str, str]]
    config: dict[str, Any] = field(default_factory=lambda: CONFIG)
    parameters: int = 134_515_008
    headers_read: int = 0

    def resolve(self, repo: str, *, revision: str) -> HubRevision:
        """Give a branch's or a commit's files, whose blob ids are their contents."""
        commit = self.branches.get(revision, revision)
        files = tuple(HubFile(path, 10, None, blob) for path, blob in self.contents[commit].items())
        return HubRevision(repo=repo, revision=revision, commit=commit, files=files, gated=False)

    def read(self, repo: str, *, commit: str, file: HubFile, limit_bytes: int) -> bytes:
        """Give the config; there is no index."""
        assert (repo, file.path) == ("HuggingFaceTB/SmolLM2-135M-Instruct", "config.json")
        assert commit in self.contents
        assert limit_bytes > 0
        return json.dumps(self.config).encode()

    def safetensors_header(self, repo: str, *, commit: str, file: HubFile) -> dict[str, TensorInfo]:
        """Give one tensor that has all the parameters."""
        assert (repo, commit in self.contents, file.path.endswith(".safetensors")) != ("", False, False)
        self.headers_read += 1
        return {"model.embed_tokens.weight": TensorInfo("BF16", (self.parameters,), 0, 0)}


FILES = {"config.json": "1", "model.safetensors": "2", "README.md": "3"}


def hub(*, main: str = OLD, new: dict[str, str] | None = None, **more: Any) -> FakeHub:  # noqa: ANN401 - passed on
    """A hub whose branch `main` is at a commit."""
    return FakeHub(branches={"main": main}, contents={OLD: FILES, NEW: new or FILES}, **more)


def held(contents: dict[str, str], *, commit: str = OLD) -> Manifest:
    """The manifest that an earlier import of these contents left."""
    return Manifest(
        model="SmolLM2-135M-Instruct",
        version="v",
        source=ManifestSource(repo="HuggingFaceTB/SmolLM2-135M-Instruct", commit=commit),
        identity=spec().identity,
        files=tuple(ManifestFile(path=path, size=10, sha256="0" * 64, hub_id=blob) for path, blob in contents.items()),
    )


def run(fake: FakeHub, *, revision: str = "main", manifest: Manifest | None = None) -> ResolvedSource:
    """Resolve a revision of the spec."""
    return resolve(fake, spec=spec(revision=revision), held=manifest)  # type: ignore[arg-type]  # our adapter's fake


def test_failure_7_a_branch_is_resolved_to_its_commit() -> None:
    """If `main` were recorded, nobody could say later which bytes were served."""
    source = run(hub())
    assert (source.commit, source.moved_to) == (OLD, None)
    assert source.identity.parameters == 134_515_008


def test_a_moved_branch_keeps_the_recorded_commit() -> None:
    """If a version followed its branch, its bytes would change under the services that read it."""
    source = run(hub(main=NEW, new=FILES | {"model.safetensors": "9"}), manifest=held(FILES))
    assert (source.commit, source.moved_to) == (OLD, NEW)
    assert {file.blob_id for file in source.files} == set(FILES.values())


def test_a_moved_branch_with_the_same_files_has_not_moved_for_us() -> None:
    """If only unselected files changed, telling users to choose another version would be noise."""
    source = run(hub(main=NEW, new=FILES | {"notes.pdf": "7"}), manifest=held(FILES))
    assert (source.commit, source.moved_to) == (OLD, None)


def test_a_taken_version_refuses_another_pinned_commit() -> None:
    """If a new pin overwrote the version, two deployments of one version would serve different weights."""
    with pytest.raises(VersionTakenError, match="Versions are immutable: set another `version`"):
        run(hub(new=FILES | {"model.safetensors": "9"}), revision=NEW, manifest=held(FILES))


def test_a_taken_version_refuses_another_selection_of_the_same_commit() -> None:
    """If a changed pattern could drop files of a version, its manifest would no longer be true."""
    with pytest.raises(VersionTakenError):
        run(hub(), manifest=held({path: blob for path, blob in FILES.items() if path != "README.md"}))


def test_a_finished_version_is_not_inspected_again() -> None:
    """If every re-import read all headers, a nightly run would cost a request for each shard."""
    fake = hub()
    run(fake, manifest=held(FILES))
    assert fake.headers_read == 0


def test_failure_1_another_model_is_refused_before_any_weight_moves() -> None:
    """If the catalog's word were taken for it, a 12B model would be served as 24B."""
    with pytest.raises(IdentityError, match="layers is 40, declared 30") as caught:
        run(hub(config=CONFIG | {"num_hidden_layers": 40}))
    assert caught.value.differences == ("layers is 40, declared 30",)
    assert not caught.value.transient


@pytest.mark.parametrize(
    ("contents", "said"),
    [
        ({"model.safetensors": "2"}, "it has no config.json"),
        ({"config.json": "1"}, "no safetensors weights"),
        ({"config.json": "1", "model.safetensors": "2", "../../etc/x.json": "3"}, "a part that means another folder"),
    ],
)
def test_a_file_set_that_cannot_be_imported_is_refused(contents: dict[str, str], said: str) -> None:
    """If an incomplete or escaping file set were accepted, half a model or a foreign key would appear in S3."""
    with pytest.raises(RejectedError, match=said):
        run(FakeHub(branches={"main": OLD}, contents={OLD: contents}))
