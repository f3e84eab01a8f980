"""An import that goes well, end to end over real protocols, and what everybody can read of it afterwards."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from huggingface_hub import snapshot_download
from prefect.settings import PREFECT_API_URL, temporary_settings

from deployments.catalog import keys
from flows.import_model.flow import import_model
from flows.import_model.receipt import ImportReceipt
from tests.integration.hub_folders import files
from tests.integration.import_site import MODEL, PREFIX, REPO, VERSION, Site, official, serving_site
from tests.integration.import_world import HUB_TOKEN, World

OTHER = "Another-Model"


@pytest.fixture(scope="module")
def site(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One site for all tests here; its registry holds a version of the same name of another model."""
    folder = tmp_path_factory.mktemp("flow")
    with (
        pytest.MonkeyPatch.context() as patch,
        serving_site(world, folder=folder, patch=patch) as own,
    ):
        about = {"version": VERSION, "model_format_name": "vLLM", "model_format_version": "1"}
        official(own).register_model(OTHER, "s3://elsewhere/", **about)
        yield own


@pytest.fixture(scope="module")
def receipt(site: Site) -> ImportReceipt:
    """The receipt of the first import."""
    return site.run()


def registered(site: Site) -> tuple[Any, Any]:
    """The version and its artifact as the registry's official client reads them."""
    client = official(site)
    version, artifact = client.get_model_version(MODEL, VERSION), client.get_model_artifact(MODEL, VERSION)
    assert version is not None
    assert artifact is not None
    return version, artifact


def test_the_objects_are_what_the_official_client_downloads(site: Site, receipt: ImportReceipt) -> None:
    """A model that differs in one bit from the Hub's would be served as the Hub's."""
    download = site.folder / "download"
    patterns = ["*.safetensors", "*.json", "*.yaml", "README.md"]
    snapshot_download(
        REPO,
        endpoint=site.hub.url,
        token=HUB_TOKEN,
        local_dir=download,
        allow_patterns=patterns,
        revision=receipt.commit,
    )
    stored = site.objects()
    manifest = stored.pop("manifest.json")
    assert stored == files(download)
    assert manifest == receipt.manifest_sha256


def test_failure_7_the_manifest_names_the_commit_and_every_files_hash(site: Site, receipt: ImportReceipt) -> None:
    """Revision `main` was recorded as provenance, and checksums were never compared (docs/failures.md, row 7)."""
    body = site.s3_client().get_object(Bucket=site.bucket, Key=PREFIX + "manifest.json")["Body"].read()
    manifest = json.loads(body)
    stored = site.objects()
    assert hashlib.sha256(body).hexdigest() == stored.pop("manifest.json")
    assert {file["path"]: file["sha256"] for file in manifest["files"]} == stored
    assert len(manifest["source"]["commit"]) == 40
    assert manifest["source"] == {"repo": REPO, "commit": receipt.commit}


def test_the_official_registry_client_reads_the_version(site: Site, receipt: ImportReceipt) -> None:
    """Dashboards and notebooks read the registry with that client, not with ours."""
    version, artifact = registered(site)
    told = version.custom_properties
    assert artifact.uri == receipt.uri == f"s3://{site.bucket}/{PREFIX}"
    assert artifact.model_source_id == told["source_commit"] == receipt.commit
    assert told["manifest_sha256"] == receipt.manifest_sha256
    assert told["import_flow_run_id"] == receipt.flow_run_id
    assert told["runtime_image_digest"] == receipt.runtime_image_digest


def test_failure_2_one_spelling_of_the_version_everywhere(site: Site, receipt: ImportReceipt) -> None:
    """Import wrote `quantized-w4a16/`, the service read `quant-w4a16/` (docs/failures.md, row 2)."""
    version, artifact = registered(site)
    assert (version.name, artifact.uri) == (VERSION, f"s3://{site.bucket}/{MODEL}/{VERSION}/")
    assert f"receipts/{MODEL}/{VERSION}/{receipt.flow_run_id}.json" in site.objects("")


def test_failure_4_the_entry_is_the_named_models_and_no_other(site: Site, receipt: ImportReceipt) -> None:
    """Results went to the first record that the registry lists (docs/failures.md, row 4)."""
    artifact, version = (
        official(site).get_model_artifact(OTHER, VERSION),
        official(site).get_model_version(OTHER, VERSION),
    )
    assert artifact is not None
    assert version is not None
    assert (artifact.uri, version.custom_properties) == ("s3://elsewhere/", None)
    assert registered(site)[1].uri == receipt.uri


def test_failure_9_the_registered_digest_is_of_the_image_that_was_pushed(site: Site, receipt: ImportReceipt) -> None:
    """The digest was read before the push, so the registry named an image that nobody had (docs/failures.md, row 9)."""
    layout = Path(site.world.images.removeprefix("oci:"))
    [entry] = json.loads((layout / "index.json").read_text())["manifests"]
    blob = (layout / "blobs" / entry["digest"].replace(":", "/")).read_bytes()
    digest = registered(site)[0].custom_properties["runtime_image_digest"]
    assert digest == entry["digest"] == "sha256:" + hashlib.sha256(blob).hexdigest()
    assert receipt.runtime_image.endswith(digest)


def test_failure_8_a_second_run_moves_nothing_writes_nothing_and_builds_nothing(
    site: Site, receipt: ImportReceipt
) -> None:
    """Every run re-uploaded everything from a new volume of 200Gi (docs/failures.md, row 8)."""
    store = site.s3_client()
    before = store.head_object(Bucket=site.bucket, Key=PREFIX + "manifest.json")["VersionId"]
    version = registered(site)[0]
    site.hub.log.clear()
    again = site.run()
    probed = site.hub.log.entries("*.safetensors", origin="cdn")
    assert [entry.range for entry in probed] == ["bytes=0-0"]  # the preflight's proof that files may be read
    assert store.head_object(Bucket=site.bucket, Key=PREFIX + "manifest.json")["VersionId"] == before
    assert (again.bytes_moved, again.runtime_built, again.manifest_sha256) == (0, False, receipt.manifest_sha256)
    assert registered(site)[0].id == version.id


def test_failure_5_an_existing_version_is_registered_again(site: Site, receipt: ImportReceipt) -> None:
    """Registering an existing version swallowed an error and said that all was well (docs/failures.md, row 5)."""
    client, version = official(site), registered(site)[0]
    version.custom_properties = {**version.custom_properties, "manifest_sha256": "stale", "owner": "the team"}
    client.update(version)
    site.run()
    told = registered(site)[0].custom_properties
    assert (told["manifest_sha256"], told["owner"]) == (receipt.manifest_sha256, "the team")


def test_people_see_a_receipt_a_full_bar_and_the_preflight(site: Site, receipt: ImportReceipt) -> None:
    """Without them the run's page shows only that something was green."""
    found = site.ask_prefect(
        "/artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [receipt.flow_run_id]}}, "sort": "CREATED_DESC"}
    )
    shown = {artifact["key"]: artifact for artifact in found}
    assert set(shown) == {"preflight-import-quantized", "import-quantized", "receipt-quantized"}
    assert shown["import-quantized"]["data"] == 100
    assert receipt.commit in shown["receipt-quantized"]["data"]
    assert [row["state"] for row in json.loads(shown["preflight-import-quantized"]["data"])] == ["ok"] * 6


def test_the_receipt_stays_beside_the_weights(site: Site, receipt: ImportReceipt) -> None:
    """Who asks in a year what was imported, by which tools, has no Prefect database any more."""
    key = f"receipts/{MODEL}/{VERSION}/{receipt.flow_run_id}.json"
    kept = site.s3_client().get_object(Bucket=site.bucket, Key=key)["Body"].read()
    assert ImportReceipt.model_validate_json(kept) == receipt


def test_the_api_refuses_a_model_that_is_not_in_the_catalog(site: Site) -> None:
    """A typo would cost a pod, and be found minutes later."""
    with temporary_settings({PREFECT_API_URL: site.world.prefect}):
        deployment = import_model.to_deployment("test", parameters={"model": "quantized"}).apply()
    answer = httpx.post(
        f"{site.world.prefect}/deployments/{deployment}/create_flow_run", json={"parameters": {"model": "quantised"}}
    )
    assert answer.is_client_error
    assert f"'quantised' is not one of {keys()}" in answer.text
