"""A release: what an import left in the registry and the store, found by names, and refused where they disagree."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from blocks.object_store import StoreClient
from blocks.registry import RegistryClient
from blocks.registry_entries import RegisteredVersion
from deployments.settings import Settings
from flows.deploy_model.errors import ArchivedError, HalfImportedError, NotImportedError
from flows.deploy_model.release import Release, find_release
from tests.unit.deploy_facts import BUCKET, IMAGE, manifest_of, release_of, spec_of, version_of
from tests.unit.memory_store import MemoryStore

SPEC = spec_of()
MANIFEST = manifest_of(SPEC)


class Registry:
    """A registry with one version or none: a fake of our own adapter."""

    def __init__(self, version: RegisteredVersion | None) -> None:
        self.version = version

    def find_version(self, model: str, version: str) -> RegisteredVersion | None:
        """Find it by both names."""
        held = self.version
        return held if held and (held.model, held.version) == (model, version) else None

    def version_url(self, version: RegisteredVersion) -> str:
        """Its address."""
        return f"http://registry/model_versions/{version.version_id}"


def find(version: RegisteredVersion | None, *, manifest: bool = True) -> Release:
    """Look for the release of the quantized model."""
    store = MemoryStore()
    store.bucket = BUCKET  # type: ignore[attr-defined]  # the adapter's attribute
    if manifest:
        store.put(f"{SPEC.prefix}manifest.json", MANIFEST.canonical())
    return find_release(SPEC, registry=cast("RegistryClient", Registry(version)), store=cast("StoreClient", store))


def test_a_release_is_found_by_names() -> None:
    """A deploy would need ids or digests that somebody copies."""
    release = find(version_of(SPEC, MANIFEST))
    assert (release.image, release.manifest, release.version.version_id) == (IMAGE, MANIFEST, "7")


def test_a_version_that_was_never_imported_names_the_import() -> None:
    """The service would crash-loop on an empty prefix."""
    with pytest.raises(NotImportedError) as caught:
        find(None, manifest=False)
    assert str(caught.value) == (
        "model registry: Mistral-Small-24B-Instruct/quantized-w4a16 was never imported. "
        "Import it first: prefect deployment run import/quantized --watch"
    )


@pytest.mark.parametrize(
    ("version", "manifest", "reason"),
    [
        (None, True, "the registry has no entry"),
        (version_of(SPEC, MANIFEST), False, "has no manifest"),
        (version_of(SPEC, MANIFEST, manifest_sha256="0" * 64), True, "the registry has the manifest 000000000000"),
        (version_of(SPEC, MANIFEST, runtime_image=""), True, "has no runtime_image"),
    ],
)
def test_a_half_made_import_is_refused(version: RegisteredVersion | None, manifest: bool, reason: str) -> None:
    """Other bytes would be served than the registry describes."""
    with pytest.raises(HalfImportedError, match=reason) as caught:
        find(version, manifest=manifest)
    assert "prefect deployment run import/quantized --watch" in str(caught.value)


def test_failure_2_another_path_than_the_catalogs_is_refused() -> None:
    """Import wrote one path, the service read a second, the test published to a third (docs/failures.md, row 2)."""
    version = version_of(SPEC, MANIFEST)
    assert version.artifact
    moved = replace(version, artifact=replace(version.artifact, uri=f"s3://{BUCKET}/Mistral/quant-w4a16/"))
    with pytest.raises(HalfImportedError, match="the registry names s3://llm-models/Mistral/quant-w4a16/"):
        find(moved)


def test_an_archived_version_is_not_deployed() -> None:
    """A version that somebody withdrew would serve again."""
    with pytest.raises(ArchivedError, match="is archived"):
        find(replace(version_of(SPEC, MANIFEST), state="ARCHIVED"))


def test_only_weights_count_for_the_gpus() -> None:
    """Capacity would count tokenizers, and refuse what fits."""
    assert release_of(SPEC).weights_bytes == 14_000_000_000


def test_the_service_is_made_of_what_the_import_left() -> None:
    """A label or the image would be that of another version."""
    inputs = release_of(SPEC).inputs(Settings(), bucket=BUCKET)
    assert (inputs.image, inputs.manifest_sha256) == (IMAGE, MANIFEST.digest())
    assert (inputs.registered_model_id, inputs.model_version_id) == ("3", "7")
    assert (inputs.registry_name, inputs.pull_secret) == ("private-ai-model-registry", "quay-credentials")
