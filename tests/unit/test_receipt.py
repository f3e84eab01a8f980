"""The receipt: what a person keeps of an import."""

from __future__ import annotations

from flows.import_model.receipt import ImportReceipt

RECEIPT = ImportReceipt(
    model="quantized",
    registered_model="Mistral-Small-24B-Instruct",
    version="quantized-w4a16",
    repo="org/name",
    revision="main",
    commit="a" * 40,
    pinned=False,
    branch_moved_to=None,
    files_total=3,
    files_moved=2,
    bytes_total=30_000_000,
    bytes_moved=20_000_000,
    seconds=2.0,
    uri="s3://llm-models/Mistral-Small-24B-Instruct/quantized-w4a16/",
    manifest_sha256="b" * 64,
    runtime_image="quay.io/org/slipway-vllm:abc",
    runtime_image_digest="sha256:" + "c" * 64,
    runtime_built=True,
    registry_version_id="2",
    registry_url="http://registry/2",
    flow_run_id="run",
    flow_run_url=None,
    finished="2026-01-01T00:00:00+00:00",
    tool_versions={"prefect": "3"},
    replica=None,
)


def test_the_receipt_says_what_moved_and_how_fast() -> None:
    """If skipped files counted as moved, nobody could trust the rate."""
    assert RECEIPT.moved_sentence() == "2 files, 20.0 MB in 2.0 s (10.0 MB/s); 1 files were in place"


def test_a_run_that_moved_nothing_says_so() -> None:
    """If a re-import looked like an import, users would wonder whether 14 GB went over the wire again."""
    idle = RECEIPT.model_copy(update={"files_moved": 0, "bytes_moved": 0})
    assert idle.moved_sentence() == "no weight bytes: all 3 files (30.0 MB) were in place"


def test_a_branch_is_called_not_pinned_with_the_line_to_set() -> None:
    """If the commit to pin were not shown, users would have to look for it."""
    assert f"`main` is not pinned: set `source.revision` to `{'a' * 40}` to pin it." in RECEIPT.markdown()


def test_a_replica_is_called_one_first() -> None:
    """If a sandbox receipt could be mistaken for the real model's, its figures would be quoted."""
    shown = RECEIPT.model_copy(update={"replica": "Expected identity from sandbox/models/quantized.yaml."}).markdown()
    assert "**This is a sandbox replica, not the real model.**" in shown.splitlines()[2]


def test_a_moved_branch_is_told_with_the_way_to_import_it() -> None:
    """If the receipt were silent, users would believe that they have the branch's newest weights."""
    shown = RECEIPT.model_copy(update={"branch_moved_to": "d" * 40}).markdown()
    assert f"Branch moved to `{'d' * 40}`; set another `version` to import it." in shown
