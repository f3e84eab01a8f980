"""A model's life on a platform, as its users tell it: imported, served, damaged, found out, repaired.

Everything is real but the model's size, its engine and the evaluation tools: Prefect, the Hub's API, S3, the registry,
Kubernetes, KServe's controller, a Buildah build.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from blocks.lease_record import Record
from flows.audit.errors import DamageError
from flows.audit.flow import audit
from flows.audit.rows import Grade
from flows.check_model.flow import check_model
from flows.cleanup_storage.flow import cleanup_storage
from flows.deploy_model.flow import deploy_model
from flows.import_model.flow import import_model
from flows.import_model.transfer import BLOB_ID
from flows.verify_model.errors import BrokenChainError
from flows.verify_model.flow import verify_model
from sandbox.hub.faults import Rule, Slow
from tests.integration.import_site import MODEL, PREFIX, VERSION
from tests.integration.import_world import World
from tests.integration.story_world import Story, telling

WEIGHTS = "model-00002-of-00003.safetensors"


@pytest.fixture(scope="module")
def story(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """A platform with nothing on it."""
    with telling(world, tmp_path_factory.mktemp("story")) as platform:
        yield platform


@pytest.fixture
def imported(story: Story) -> Story:
    """The platform with the model on it, whichever tests ran before."""
    if "manifest.json" not in story.site.objects():
        story.run(import_model, "quantized")
    return story


def test_a_flipped_byte_is_found_named_and_repaired(story: Story) -> None:
    """A damaged model would be served for good, and nobody could say which file, since when, or what to do."""
    imported = story.run(import_model, "quantized")
    deployed = story.run(deploy_model, "quantized")
    assert deployed.manifest_sha256 == imported.manifest_sha256
    tested = story.run(check_model, "quantized", return_state=True)
    assert tested.is_completed()
    assert str(tested.message).startswith("pass: 16 gates")

    chain = story.run(verify_model, "quantized")
    assert [link.name for link in chain if link.ok] == [
        *("manifest", "bytes", "source", "registry"),
        *("service", "image", "endpoint", "completion", "test"),
    ]

    story.flip_a_byte(WEIGHTS)
    with pytest.raises(BrokenChainError) as found:
        story.run(verify_model, "quantized")
    [problem] = found.value.problems
    assert f"{WEIGHTS} has SHA-256" in problem
    assert problem.endswith("Repair: prefect deployment run import/quantized --watch")
    with pytest.raises(DamageError, match=f"file had other bytes when verify read them at .*: {WEIGHTS}"):
        story.run(audit)

    repaired = story.run(import_model, "quantized")
    assert (repaired.files_moved, repaired.manifest_sha256) == (1, imported.manifest_sha256)

    assert all(link.ok for link in story.run(verify_model, "quantized"))
    assert {row.grade for row in story.run(audit)} == {Grade.FINE, Grade.ABSENT}


def test_a_file_that_another_tool_wrote_is_repaired_by_the_next_import(imported: Story) -> None:
    """A file of the right size would be taken for the imported one, until somebody thinks of `verify`."""
    held = imported.site.objects()
    imported.flip_a_byte(WEIGHTS, metadata=False)
    # The store tells times in seconds: within the one of the manifest, nobody can say which came first.
    while not imported.written(WEIGHTS) > imported.written("manifest.json"):
        imported.flip_a_byte(WEIGHTS, metadata=False)
        imported.flip_a_byte(WEIGHTS, metadata=False)
    assert imported.site.objects() != held
    assert imported.run(import_model, "quantized").files_moved == 1
    assert imported.site.objects() == held
    assert imported.run(import_model, "quantized").files_moved == 0


def test_a_cleanup_says_first_what_it_removes_and_then_removes_nothing_else(imported: Story) -> None:
    """Leftovers would fill the store, or a cleanup would take what is served."""
    site, client = imported.site, imported.site.s3_client()
    before = site.objects("")
    abandoned = {"Old-Model/v1/model.safetensors": b"half", PREFIX + "stray.bin": b"unlisted"}
    kept = {
        "notes.txt": b"somebody's",
        "backups/2026-11/pg.dump": b"somebody's",
        f"receipts/{MODEL}/{VERSION}/r.json": b"{}",
        "test-results/M/v/r/x": b"1",
    }
    for key, body in (abandoned | kept).items():
        metadata = {BLOB_ID: "0" * 40} if key in abandoned else {}
        client.put_object(Bucket=site.bucket, Key=key, Body=body, Metadata=metadata)
    client.create_multipart_upload(Bucket=site.bucket, Key=PREFIX + WEIGHTS)
    client.put_object(
        Bucket=site.bucket, Key=f"leases/{MODEL}/old.json", Body=Record("a dead run", "t", 0.1, "s").encode()
    )

    said = imported.run(cleanup_storage, older_than_hours=0.0)
    assert said.startswith("would remove 2 objects (0.0 kB) and 1 unfinished upload. Do it: prefect deployment run ")
    assert set(abandoned) <= set(site.objects(""))
    assert imported.run(cleanup_storage).startswith("would remove 0 objects")  # a day has not passed: the lease alone

    done = imported.run(cleanup_storage, apply=True, older_than_hours=0.0)
    assert done.startswith("removed 2 objects (0.0 kB) and 1 unfinished upload")
    after = site.objects("")
    assert {key for key in after if not key.startswith("leases/")} == {*before, *kept}
    assert site.nothing_left_open()
    assert f"leases/{MODEL}/old.json" not in after
    assert imported.run(cleanup_storage, older_than_hours=0.0) == "nothing to remove"
    assert [row.subject for row in imported.run(audit) if row.grade is Grade.LEFTOVER] == [
        "backups/2026-11",
        f"s3://{site.bucket}",
    ]


def test_a_cleanup_beside_an_import_harms_neither(imported: Story) -> None:
    """A cleanup in the middle of an import would take the files that have no manifest yet."""
    site, client = imported.site, imported.site.s3_client()
    whole = site.objects()
    for name in whole:
        if name not in {WEIGHTS, "config.json"}:
            client.delete_object(Bucket=site.bucket, Key=PREFIX + name)
    site.hub.faults.add(Rule(Slow(seconds=2.0), path=f"*{WEIGHTS.replace('2-of', '1-of')}*", origin="cdn"))
    with ThreadPoolExecutor(1) as thread:
        importing = thread.submit(imported.run, import_model, "quantized")
        while f"{PREFIX.rstrip('/')}.json" not in site.objects("leases/") and not importing.done():
            pass
        imported.run(cleanup_storage, apply=True, older_than_hours=0.0)
        assert importing.result().manifest_sha256 == whole["manifest.json"]
    site.hub.faults.clear()
    assert site.objects() == whole
