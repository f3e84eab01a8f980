"""What the registry is told about an imported version: pure."""

from __future__ import annotations

from dataclasses import dataclass

from blocks.registry_entries import ArtifactSource, Property, VersionEntry
from deployments.spec import ModelSpec
from flows.import_model.manifest import DIGEST_PROPERTY, Manifest
from flows.import_model.runtime import RuntimeImage
from flows.runs import Run

IMAGE_DIGEST_PROPERTY = "runtime_image_digest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a version's bytes came from and are: the hub's endpoint, the object store's endpoint and bucket."""

    hub: str
    endpoint: str
    bucket: str

    def uri(self, spec: ModelSpec) -> str:
        """The version's prefix as a URI, always with the trailing slash (see `ModelSpec.prefix`)."""
        return f"s3://{self.bucket}/{spec.prefix}"


def registry_entry(spec: ModelSpec, *, manifest: Manifest, image: RuntimeImage, place: Place, run: Run) -> VersionEntry:
    """Describe a version for the registry.

    Everything that identifies bytes comes from the manifest, never from the spec: a branch may have moved since.

    Args:
        spec: the model.
        manifest: the version's manifest.
        image: the runtime image that serves it.
        place: where the bytes came from, and where they are.
        run: the flow run that registers.
    """
    organization, _, _ = manifest.source.repo.partition("/")
    return VersionEntry(
        model=spec.registered_model,
        version=spec.version,
        uri=place.uri(spec),
        format_name="vLLM",
        format_version="1",
        description=spec.description,
        properties=_properties(spec, manifest, image, place=place)
        | {"import_flow_run_id": run.id, "import_flow_run_url": run.url},
        source=ArtifactSource(
            kind="huggingface",
            source_class="repository",
            group=organization,
            id=manifest.source.commit,
            name=manifest.source.repo,
        ),
        storage_path=spec.prefix,
    )


def _properties(spec: ModelSpec, manifest: Manifest, image: RuntimeImage, *, place: Place) -> dict[str, Property]:
    quantization, gpus = manifest.identity.quantization, spec.serving.gpus
    return {
        "artifact_uri": place.uri(spec),
        "minio_endpoint": place.endpoint,
        "minio_bucket": place.bucket,
        "base_model": spec.base_model,
        "source": f"{place.hub.rstrip('/')}/{manifest.source.repo}",
        "source_commit": manifest.source.commit,
        DIGEST_PROPERTY: manifest.digest(),
        "total_bytes": str(manifest.total_bytes()),
        "file_count": len(manifest.files),
        "parameters": str(manifest.identity.parameters),
        "quantization": f"{quantization.method} {quantization.format} w{quantization.bits}" if quantization else "none",
        "format": "safetensors",
        "gpu_requirement": f"{gpus.count} x {gpus.memory_gb:g} GB" if gpus.count else "none",
        "accelerator": spec.serving.node_selector.get("nvidia.com/gpu.product", "any"),
        "deployment_type": spec.serving.deployment_mode,
        "use_case": spec.use_case,
        "runtime_image": image.reference,
        IMAGE_DIGEST_PROPERTY: image.digest,
        "replica_of": spec.source.repo if spec.overlaid_by else "",
    }
