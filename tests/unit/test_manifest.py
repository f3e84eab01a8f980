"""The manifest: equal content must give equal bytes, whatever the order or time it was made in."""

from __future__ import annotations

import json

import pytest

from deployments import catalog
from flows.import_model.errors import ManifestError
from flows.import_model.manifest import Manifest, ManifestFile, ManifestSource, file_set_of, parse_manifest

FILES = (
    ManifestFile(path="config.json", size=2, sha256="c" * 64, hub_id="1" * 40),
    ManifestFile(path="model.safetensors", size=10, sha256="a" * 64, hub_id="2" * 40),
)


def manifest(files: tuple[ManifestFile, ...] = FILES, commit: str = "f" * 40) -> Manifest:
    """Make a manifest of two files."""
    return Manifest(
        model="M",
        version="v1",
        source=ManifestSource(repo="org/name", commit=commit),
        identity=catalog.load("smollm2").identity,
        files=files,
    )


def test_equal_content_gives_equal_bytes_in_any_order() -> None:
    """If the order of the files mattered, a re-run would write another digest for the same model."""
    assert manifest().canonical() == manifest(tuple(reversed(FILES))).canonical()


def test_the_canonical_form_has_no_times_hosts_or_tools() -> None:
    """If anything but the bytes' truth stood in the manifest, equal imports would differ."""
    assert sorted(json.loads(manifest().canonical())) == [
        "files",
        "identity",
        "model",
        "schema_version",
        "source",
        "version",
    ]


def test_a_manifest_is_read_back_as_it_was_written() -> None:
    """If reading changed anything, every later proof of the chain would fail."""
    written = manifest()
    assert parse_manifest(written.canonical(), key="M/v1/manifest.json").digest() == written.digest()


def test_versions_are_equal_when_their_file_sets_are() -> None:
    """If the commit counted, a branch that only changed its README would look like other weights."""
    assert (
        manifest(commit="e" * 40).file_set()
        == manifest().file_set()
        == file_set_of([("model.safetensors", "2" * 40), ("config.json", "1" * 40)])
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"not json", "Invalid JSON"),
        (b"{}", "model"),
        (manifest().canonical().replace(b'"schema_version": 1', b'"schema_version": 2'), "schema_version"),
        (manifest().canonical().replace(b'"version": "v1"', b'"version": "v1", "extra": 1'), "extra"),
    ],
)
def test_what_is_no_manifest_is_refused_by_name(content: bytes, said: str) -> None:
    """If a foreign or newer object were taken for a manifest, its version would be overwritten."""
    with pytest.raises(ManifestError, match=said):
        parse_manifest(content, key="M/v1/manifest.json")


def test_the_total_is_the_sum_of_the_files() -> None:
    """If the manifest counted itself, the receipt would never agree with the listing."""
    assert manifest().total_bytes() == 12
