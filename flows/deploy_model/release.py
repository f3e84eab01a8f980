"""What an import left, found by names: the registry's version and the store's manifest, which must agree.

Nothing is typed twice. The system that this one replaces imported to one path, served from a second and recorded
under a third.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from blocks.registry_entries import RegisteredVersion
from deployments.settings import Settings
from deployments.spec import ModelSpec
from flows.deploy_model.errors import ArchivedError, HalfImportedError, NotImportedError
from flows.import_model.manifest import DIGEST_PROPERTY, Manifest
from flows.import_model.stock import read_manifest
from k8s.manifests.inference_service import ServiceInputs

if TYPE_CHECKING:
    from blocks.object_store import StoreClient
    from blocks.registry import RegistryClient

IMAGE_PROPERTY = "runtime_image"
_LIVE = "LIVE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A version that can be deployed.

    Attributes:
        version: the registry's entry.
        manifest: what is true of its bytes.
        image: the runtime image, by digest.
    """

    version: RegisteredVersion
    manifest: Manifest
    image: str

    @property
    def weights_bytes(self) -> int:
        """Size of the weights, in bytes; what else the version has stays in no GPU's memory."""
        return sum(file.size for file in self.manifest.files if file.path.endswith(".safetensors"))

    def inputs(self, environment: Settings, *, bucket: str) -> ServiceInputs:
        """What the InferenceService is made of besides the spec."""
        return ServiceInputs(
            namespace=environment.namespace,
            bucket=bucket,
            image=self.image,
            manifest_sha256=self.manifest.digest(),
            source_commit=self.manifest.source.commit,
            registry_name=environment.registry_name,
            registered_model_id=self.version.model_id,
            model_version_id=self.version.version_id,
            pull_secret=environment.pull_secret,
        )


def find_release(spec: ModelSpec, *, registry: RegistryClient, store: StoreClient) -> Release:
    """Find what an import left of a model's version.

    Raises:
        NotImportedError: nothing.
        HalfImportedError: the registry and the store disagree, or one of them lacks its part.
        ArchivedError: the version is not to be used any more.
        ManifestError: something else stands in the manifest's place.
    """
    name = f"{spec.registered_model}/{spec.version}"
    version = registry.find_version(spec.registered_model, spec.version)
    manifest = read_manifest(store, prefix=spec.prefix)
    if version is None and manifest is None:
        raise NotImportedError(model=spec.key, name=name)
    uri = f"s3://{store.bucket}/{spec.prefix}"
    if version is None:
        raise HalfImportedError(
            model=spec.key, name=name, reason="its bytes are in the store, the registry has no entry"
        )
    if manifest is None:
        raise HalfImportedError(model=spec.key, name=name, reason=f"the registry has it, {uri} has no manifest")
    if version.state != _LIVE:
        raise ArchivedError(name=name, url=registry.version_url(version))
    disagreement = _disagreement(version, manifest, uri=uri)
    if disagreement:
        raise HalfImportedError(model=spec.key, name=name, reason=disagreement)
    return Release(version=version, manifest=manifest, image=str(version.properties[IMAGE_PROPERTY]))


def _disagreement(version: RegisteredVersion, manifest: Manifest, *, uri: str) -> str | None:
    recorded, digest = str(version.properties.get(DIGEST_PROPERTY, "")), manifest.digest()
    if recorded != digest:
        return f"the registry has the manifest {recorded[:12] or 'of none'}, {uri} has {digest[:12]}"
    held = version.artifact.uri if version.artifact else "no artifact"
    if held != uri:
        return f"the registry names {held}, the catalog {uri}"
    if not version.properties.get(IMAGE_PROPERTY):
        return f"the registry has no {IMAGE_PROPERTY} of it"
    return None
