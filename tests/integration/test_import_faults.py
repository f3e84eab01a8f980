"""Imports that must not succeed: one clear error, nothing half-written, and a re-run after mending completes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from blocks.backoff import Backoff
from blocks.hub import READ_ATTEMPTS
from sandbox import replicas
from sandbox.hub.faults import Corrupt, Drop, Rule, Stall, Status
from sandbox.hub.publishing import publish_files
from tests.integration.import_site import GATED_COMMIT, GATED_REPO, PREFIX, REPO, ROOT, Site
from tests.integration.ports import free_port
from tests.integration.s3_server import READER

SHARD = "model-00002-of-00003.safetensors"


def overlay(site: Site, text: str, *, model: str = "quantized") -> None:
    """Lay a changed file over the catalog's."""
    folder = site.folder / "overlay"
    folder.mkdir()
    for file in (ROOT / "sandbox" / "models").glob("*.yaml"):
        (folder / file.name).write_text(file.read_text() + (text if file.stem == model else ""))
    site.set(SLIPWAY_CATALOG_OVERLAY=str(folder))


def test_an_unknown_model_is_named_with_those_that_are_known(site: Site) -> None:
    """At a terminal nothing checks a flow's parameters before it starts."""
    error = site.refused("quantised")
    assert "there is no model 'quantised' (did you mean 'quantized'?)" in str(error)
    assert "`python -m deployments list`" in str(error)


def test_a_spec_with_a_typo_is_named_with_file_and_key(site: Site) -> None:
    """A key that is misspelled would else be ignored, and the default used in its place."""
    overlay(site, "evaluaton: {}\n")
    error = site.refused()
    assert "quantized.yaml: evaluaton" in str(error)
    assert "python -m deployments check" in str(error)
    assert site.nothing_half_written()
    site.set(SLIPWAY_CATALOG_OVERLAY=str(ROOT / "sandbox" / "models"))
    assert site.run().bytes_moved


def test_failure_6_a_gated_model_without_a_token_is_refused(site: Site) -> None:
    """A secret without the expected key was optional, and the download went on unauthenticated.

    It is docs/failures.md, row 6.
    """
    replicas.build("full", site.folder / "full")
    site.publish(site.folder / "full", GATED_REPO, gated=True, commit=GATED_COMMIT)
    site.hub.log.clear()
    site.patch.delenv("HF_TOKEN")
    error = site.refused("full")
    assert f"{GATED_REPO} is gated and no token was sent" in str(error)
    assert "export HF_TOKEN=" in str(error)
    assert site.hub.log.entries() == []  # nothing was even asked without it
    site.set(HF_TOKEN=site.variables["HF_TOKEN"])
    assert site.run("full").commit == GATED_COMMIT


def test_a_token_that_is_revoked_is_refused(site: Site) -> None:
    """Tokens are rotated while imports wait."""
    site.set(HF_TOKEN="hf_revoked")
    error = site.refused()
    assert "the token in $HF_TOKEN is not accepted" in str(error)
    assert "hf_revoked" not in str(error)


def test_a_revision_that_does_not_exist_is_refused(site: Site) -> None:
    """A pin that was mistyped must not fall back to the branch."""
    replicas.build("full", site.folder / "full")
    site.publish(site.folder / "full", GATED_REPO, gated=True)
    error = site.refused("full")
    assert f"{GATED_REPO} has no revision '{GATED_COMMIT}'" in str(error)
    assert "`source.revision`" in str(error)
    site.publish(site.folder / "full", GATED_REPO, gated=True, commit=GATED_COMMIT)
    assert site.run("full").bytes_moved


def test_failure_1_another_model_is_refused_before_its_weights_move(site: Site) -> None:
    """A 12B model was downloaded whole and registered as the 24B one (docs/failures.md, row 1)."""
    size = 24 << 20
    replicas.build("nemo12b", site.folder / "nemo", size_bytes=size)
    site.publish(site.folder / "nemo")
    error = site.refused()
    assert f"{REPO}@" in str(error)
    assert "is not the model that quantized declares" in str(error)
    assert "python -m deployments show quantized" in str(error)
    assert site.weight_bytes() < size / 20  # headers
    assert site.objects() == {}
    site.publish(site.world.quantized)
    assert site.run().bytes_moved


def test_failure_7_a_file_that_is_not_what_the_hub_declares_never_becomes_visible(site: Site) -> None:
    """Checksums were never compared with the Hub; "verification" listed ten names (docs/failures.md, row 7)."""
    # The headers are read, and then each transfer meets bytes that no retry mends.
    site.hub.faults.add(Rule(Corrupt(offset=60_000, length=4), path=f"*{SHARD}"))
    error = site.refused()
    assert SHARD in str(error)
    assert "SHA-256" in str(error)
    assert SHARD not in site.objects()
    assert site.nothing_half_written()
    site.hub.faults.clear()
    again = site.run()
    assert again.files_moved < again.files_total  # what was proved before stays
    assert SHARD in site.objects()


def test_a_missing_shard_is_named(site: Site) -> None:
    """An upload to the Hub that is not finished would be found by the engine, hours later."""
    folder = site.copy_of_replica()
    (folder / SHARD).unlink()
    site.publish(folder)
    error = site.refused()
    assert f"1 of 3 shards are missing: {SHARD}" in str(error)
    assert site.objects() == {}
    site.publish(site.world.quantized)
    assert site.run().bytes_moved


@pytest.mark.parametrize("path", ["../escape.safetensors", "a/../../escape.json", "/etc/escape.json"])
def test_a_path_that_leaves_the_prefix_is_refused(site: Site, path: str) -> None:
    """Who owns a repository could overwrite another version's weights."""
    files = {file.name: file for file in site.world.quantized.iterdir()}
    publish_files(site.hub_root, REPO, {**files, path: site.world.quantized / "config.json"})
    error = site.refused()
    assert repr(path) in str(error)
    assert "`source.exclude`" in str(error)
    assert [key for key in site.objects("") if "escape" in key] == []
    assert site.objects() == {}


def test_a_file_by_the_name_of_our_manifest_is_refused(site: Site) -> None:
    """Half an import would look like a whole one, whose manifest somebody else has written."""
    folder = site.copy_of_replica()
    (folder / "manifest.json").write_text("{}")
    site.publish(folder)
    error = site.refused()
    assert "it has a manifest.json, which is the name of the version's own" in str(error)
    assert site.objects() == {}


def _break_config(folder: Path) -> None:
    (folder / "config.json").write_text("[]")


def _break_index(folder: Path) -> None:
    (folder / "model.safetensors.index.json").write_text('{"weight_map": []}')


def _break_numbers(folder: Path) -> None:
    (folder / "config.json").write_text('{"hidden_size": "many", "num_attention_heads": 4}')


@pytest.mark.parametrize("damage", [_break_config, _break_index, _break_numbers])
def test_a_document_that_is_not_what_its_name_says_is_refused(site: Site, damage: Callable[[Path], None]) -> None:
    """A traceback of a JSON parser tells nobody which repository to look at."""
    folder = site.copy_of_replica()
    damage(folder)
    site.publish(folder)
    error = site.refused()
    assert f"{REPO}@" in str(error)
    assert ".json" in str(error)


def test_a_missing_bucket_is_found_before_a_byte_moves(site: Site) -> None:
    """Fifty gigabytes would be read before the first write fails."""
    site.set(SLIPWAY_BUCKET="nobody-made-this")
    site.register()
    error = site.refused()
    assert "bucket nobody-made-this does not exist" in str(error)
    assert "aws s3api create-bucket" in str(error)
    site.set(SLIPWAY_BUCKET=site.bucket)
    site.register()
    assert site.run().bytes_moved


def test_a_bucket_that_may_only_be_read_is_found_before_a_byte_moves(site: Site) -> None:
    """A key for serving may read what an import may not write."""
    writer = {name: site.variables[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    site.set(AWS_ACCESS_KEY_ID=READER.id, AWS_SECRET_ACCESS_KEY=READER.secret)
    error = site.refused()
    assert f"the access key may not write to bucket {site.bucket}" in str(error)
    assert site.weight_bytes() <= 1  # the proof that the file may be read
    site.set(**writer)
    assert site.run().bytes_moved


def test_all_that_is_missing_is_told_at_once(site: Site) -> None:
    """Who mends one thing at a time waits for each of them."""
    site.set(SLIPWAY_REGISTRY_URL=f"http://127.0.0.1:{free_port()}", SLIPWAY_BUCKET="nobody-made-this", HF_TOKEN="no")
    site.set(SLIPWAY_NAMESPACE="nobody-made-this-either")
    site.patch.delenv("SLIPWAY_BUILDER_IMAGE")
    site.set(SLIPWAY_IMAGE_REPOSITORY=f"oci:{site.folder}/images")
    site.register()
    told = str(site.refused())
    assert told.startswith("preflight: 5 problems before importing quantized: ")
    for system in ("model hub", "object store", "model registry", "build credential", "image registry"):
        assert f"[{system}]" in told
    assert "SLIPWAY_BUILDER_IMAGE is not set" in told


def test_a_silent_connection_is_made_anew_after_the_time_that_the_setting_says(site: Site) -> None:
    """A connection that died without a word held the whole import until somebody looked."""
    site.set(SLIPWAY_TRANSFER_STALL_SECONDS="1")
    site.hub.faults.add(Rule(Stall(seconds=200), path=f"*{SHARD}", origin="cdn", times=1))
    assert site.run().files_moved
    assert len([fired for fired in site.hub.faults.fired() if isinstance(fired.rule.effect, Stall)]) == 1


def test_a_read_that_fails_for_good_is_retried_by_one_owner(site: Site) -> None:
    """The adapter's six attempts and the task's four were 24 requests of each file, and minutes of waiting."""
    site.patch.setattr(Backoff, "delay", lambda _self, asked=None: asked or 0.0)
    before = len(site.hub.faults.fired())
    site.hub.faults.add(Rule(Status(503), path=f"*{SHARD}", origin="cdn", skip=1))  # its header is read in one request
    error = site.refused()
    assert f"{SHARD} gave no byte in {READ_ATTEMPTS} attempts" in str(error)
    assert len(site.hub.faults.fired()) - before == READ_ATTEMPTS
    assert site.nothing_half_written()


def test_a_dropped_connection_costs_only_what_was_not_yet_read(site: Site) -> None:
    """A reset in the last gigabyte once meant to begin anew."""
    site.hub.faults.add(Rule(Drop(after=300_000), path="*model-00001*", origin="cdn", skip=2, times=1))
    receipt = site.run()
    assert site.hub.faults.fired()
    assert receipt.files_moved == receipt.files_total
    assert PREFIX in receipt.uri
