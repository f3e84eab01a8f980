"""A release of the catalog's models as an import leaves it, for tests of the deploy."""

from __future__ import annotations

from typing import Any

from blocks.registry_entries import ArtifactSource, RegisteredArtifact, RegisteredVersion
from deployments import catalog
from deployments.spec import ModelSpec
from flows.deploy_model.release import Release
from flows.import_model.manifest import Manifest, ManifestFile, ManifestSource

Json = dict[str, Any]
IMAGE = "quay.io/org/slipway-vllm@sha256:" + "d" * 64
BUCKET = "llm-models"


def spec_of(key: str = "quantized") -> ModelSpec:
    """A model of the catalog."""
    return catalog.load(key)


def manifest_of(spec: ModelSpec, *, commit: str = "a" * 40) -> Manifest:
    """What an import writes beside the weights."""
    return Manifest(
        model=spec.registered_model,
        version=spec.version,
        source=ManifestSource(repo=spec.source.repo, commit=commit),
        identity=spec.identity,
        files=(
            ManifestFile(path="config.json", size=1000, sha256="e" * 64, hub_id="f" * 40),
            ManifestFile(path="model.safetensors", size=14_000_000_000, sha256="1" * 64, hub_id="2" * 40),
        ),
    )


def version_of(spec: ModelSpec, manifest: Manifest, **properties: str) -> RegisteredVersion:
    """What an import writes into the registry."""
    return RegisteredVersion(
        model=spec.registered_model,
        version=spec.version,
        model_id="3",
        version_id="7",
        state="LIVE",
        description="",
        author="slipway",
        properties={"manifest_sha256": manifest.digest(), "runtime_image": IMAGE, **properties},
        artifact=RegisteredArtifact(
            id="9",
            name=spec.registered_model,
            uri=f"s3://{BUCKET}/{spec.prefix}",
            format_name="vLLM",
            format_version="1",
            source=ArtifactSource(kind="huggingface", source_class="repository", group="o", id="c", name="o/n"),
        ),
    )


def release_of(spec: ModelSpec, *, commit: str = "a" * 40) -> Release:
    """What a deploy finds."""
    manifest = manifest_of(spec, commit=commit)
    return Release(version=version_of(spec, manifest), manifest=manifest, image=IMAGE)
