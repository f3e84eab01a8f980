"""Addresses of image repositories, and what an image layout's index says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from blocks.errors import IntegrityError
from blocks.image_registry import ImageRegistry

DIGEST = "sha256:" + "ab" * 32


def _layout(folder: Path, *, digest: object = DIGEST, tag: str = "abc", blob: bool = True) -> ImageRegistry:
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    if blob:
        (blobs / ("ab" * 32)).write_text("{}")
    entry = {"digest": digest, "annotations": {"org.opencontainers.image.ref.name": tag}}
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [{"digest": DIGEST}, entry]}))
    return ImageRegistry(repository=f"oci:{folder}")


@pytest.mark.parametrize(
    "repository", ["quay.io/org/name", "docker://quay.io", "docker://quay.io/org/name:tag", "oci:rel"]
)
def test_an_address_that_buildah_would_not_take_is_refused(repository: str) -> None:
    """A typo must be refused when the block is registered, not after an hour of building."""
    with pytest.raises(ValidationError, match="without a tag"):
        ImageRegistry(repository=repository)


def test_addresses_of_a_registry() -> None:
    """Buildah pushes to a transport address by tag, the cluster pulls a plain reference by digest."""
    client = ImageRegistry(repository="docker://quay.io/org/slipway-vllm").client()
    assert client.destination("abc") == "docker://quay.io/org/slipway-vllm:abc"
    assert client.pull_reference(DIGEST) == f"quay.io/org/slipway-vllm@{DIGEST}"


def test_addresses_of_a_layout(tmp_path: Path) -> None:
    """The sandbox's images go to a folder under the same names."""
    client = ImageRegistry(repository=f"oci:{tmp_path}/images").client()
    assert client.destination("abc") == f"oci:{tmp_path}/images:abc"
    assert client.pull_reference(DIGEST) == f"oci:{tmp_path}/images@{DIGEST}"


def test_a_layouts_tag_has_its_digest(tmp_path: Path) -> None:
    """An unchanged image must be found again, or it is built again every time."""
    assert _layout(tmp_path).client().digest_of("abc") == DIGEST


def test_a_layout_that_does_not_exist_yet_has_no_tags(tmp_path: Path) -> None:
    """The first import finds no folder at all, which means 'build it'."""
    assert ImageRegistry(repository=f"oci:{tmp_path}/none").client().digest_of("abc") is None


def test_another_tag_is_not_taken_for_ours(tmp_path: Path) -> None:
    """The first record is not the right one just because it is the first."""
    assert _layout(tmp_path, tag="other").client().digest_of("abc") is None


def test_an_index_that_names_a_missing_image_is_broken(tmp_path: Path) -> None:
    """A half-deleted layout must not pass for an image that is there."""
    with pytest.raises(IntegrityError, match="not in blobs"):
        _layout(tmp_path, blob=False).client().digest_of("abc")


@pytest.mark.parametrize("digest", ["sha256:../../etc/passwd", None, "md5:ab"])
def test_a_digest_that_is_none_is_refused(tmp_path: Path, digest: object) -> None:
    """An index from elsewhere must not lead us out of its folder."""
    with pytest.raises(IntegrityError, match="is no digest"):
        _layout(tmp_path, digest=digest).client().digest_of("abc")


@pytest.mark.parametrize("text", ["", "[]", '{"manifests": 3}'])
def test_a_torn_index_is_broken(tmp_path: Path, text: str) -> None:
    """A full disk leaves half a file, which must be said and not crash."""
    (tmp_path / "index.json").write_text(text)
    with pytest.raises(IntegrityError, match=r"index\.json"):
        ImageRegistry(repository=f"oci:{tmp_path}").client().digest_of("abc")


def test_a_password_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten characters of a token were once printed to a log: what holds a secret must not print it."""
    monkeypatch.setenv("QUAY_USERNAME", "builder")
    monkeypatch.setenv("QUAY_PASSWORD", "throw-away")
    client = ImageRegistry(repository="docker://quay.io/org/name").client()
    assert "throw-away" not in repr(vars(client))
