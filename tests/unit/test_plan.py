"""The plan: which files are wanted, whether they are whole, and which are missing."""

from __future__ import annotations

import json

from blocks.hub_files import HubFile, TensorInfo
from deployments import catalog
from flows.import_model.manifest import Manifest, ManifestFile, ManifestSource
from flows.import_model.plan import danger, misplaced_tensors, missing_weights, plan_transfers, select_files

FULL = catalog.load("full")
SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
INDEX = json.dumps({"weight_map": {"a.weight": SHARDS[0], "b.weight": SHARDS[1]}}).encode()


def file(path: str, size: int = 10) -> HubFile:
    """A Hub file of a path and size."""
    return HubFile(path=path, size=size, sha256=None, blob_id=f"{abs(hash(path)):040x}"[:40])


def files(*paths: str) -> tuple[HubFile, ...]:
    """Hub files of these paths."""
    return tuple(file(path) for path in paths)


def test_the_same_weights_are_not_imported_twice() -> None:
    """If `consolidated.safetensors` came along, 47 GB of weights would take 94 GB of storage, as it once did."""
    repository = files("consolidated.safetensors", "config.json", *SHARDS, "pytorch_model.bin", "model.gguf", "x.pt")
    assert [chosen.path for chosen in select_files(repository, source=FULL.source)] == ["config.json", *SHARDS]


def test_a_missing_shard_is_named() -> None:
    """If an upload to the Hub that is not finished were imported, the engine would find it hours later."""
    assert missing_weights(files(SHARDS[0]), index=INDEX) == f"1 of 2 shards are missing: {SHARDS[1]}"


def test_an_unlisted_shard_is_named() -> None:
    """If stray weights were taken along, two models could be mixed in one folder."""
    told = missing_weights(files(*SHARDS, "old.safetensors"), index=INDEX)
    assert told == "old.safetensors is not in model.safetensors.index.json; add it to source.exclude"


def test_one_file_needs_no_index() -> None:
    """If an index were always asked for, small models could not be imported."""
    assert missing_weights(files("model.safetensors"), index=None) is None
    assert missing_weights(files(*SHARDS), index=None) == "it has 2 weight files but no model.safetensors.index.json"


def test_a_repository_without_safetensors_is_refused() -> None:
    """If there is nothing but pickles, an import must not succeed with configs alone."""
    assert missing_weights(files("config.json"), index=None) == "it has no safetensors weights among the selected files"


def test_a_tensor_in_another_shard_than_listed_is_named() -> None:
    """If headers and index disagree, the engine would stop with a KeyError after minutes of loading."""
    tensor = TensorInfo("BF16", (1,), 0, 0)
    headers = {SHARDS[0]: {"a.weight": tensor, "b.weight": tensor}, SHARDS[1]: {}}
    told = misplaced_tensors(headers, index=INDEX)
    assert told == f"tensor b.weight is not in {SHARDS[1]}, where model.safetensors.index.json places it"
    headers = {SHARDS[0]: {"a.weight": tensor, "c.weight": tensor}, SHARDS[1]: {"b.weight": tensor}}
    assert misplaced_tensors(headers, index=INDEX) == "tensor c.weight is not in model.safetensors.index.json"


def test_code_that_runs_at_loading_is_refused_unless_allowed() -> None:
    """If a repository's own code or pickles came in unasked, an import would be remote code execution."""
    allowed = FULL.source.model_copy(update={"remote_code_allowed": True, "pickles_allowed": True})
    pickled, coded = files("model.safetensors", "optimizer.pt"), files("model.safetensors", "modeling_x.py")
    assert "optimizer.pt is a pickle" in str(danger(pickled, config={}, source=FULL.source))
    assert "modeling_x.py" in str(danger(coded, config={}, source=FULL.source))
    assert "auto_map" in str(danger(files("model.safetensors"), config={"auto_map": {"A": "b"}}, source=FULL.source))
    assert danger(pickled + coded, config={"auto_map": {"A": "b"}}, source=allowed) is None


def test_without_a_manifest_nothing_is_vouched_for() -> None:
    """If a listing alone counted, the half-verified files of a killed run would be trusted."""
    wanted = (file("a", 1), file("b", 5))
    plan = plan_transfers(wanted, prefix="M/v/", held={"M/v/a": 1, "M/v/b": 5, "M/v/old": 3}, manifest=None)
    assert [planned.path for planned in plan.missing] == ["b", "a"]
    assert plan.present == ()
    assert plan.leftovers == ("M/v/old",)


def test_with_a_manifest_only_what_is_gone_or_resized_moves_again() -> None:
    """If a finished version were re-read whole, a nightly import would move 47 GB for nothing."""
    wanted = (file("a", 1), file("b", 5), file("c", 7))
    recorded = tuple(ManifestFile(path=f.path, size=f.size, sha256="0" * 64, hub_id=f.blob_id) for f in wanted)
    manifest = Manifest(
        model="M",
        version="v",
        source=ManifestSource(repo="o/n", commit="f" * 40),
        identity=FULL.identity,
        files=recorded,
    )
    held = {"M/v/a": 1, "M/v/b": 4, "M/v/manifest.json": 99}
    plan = plan_transfers(wanted, prefix="M/v/", held=held, manifest=manifest)
    assert [planned.path for planned in plan.missing] == ["c", "b"]
    assert [planned.path for planned in plan.present] == ["a"]
    assert plan.leftovers == ()
