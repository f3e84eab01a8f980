"""The PersistentVolumeClaim that holds a model's versions: pure."""

from __future__ import annotations

from typing import Any

from deployments.spec import ClaimStorage, ModelSpec
from k8s.manifests.errors import NoVolumeError
from k8s.manifests.labels import model_labels


def volume_claim(spec: ModelSpec, *, namespace: str, storage_class: str | None = None) -> dict[str, Any]:
    """Return the claim of a model that is served from a volume.

    Args:
        spec: the model.
        namespace: where it is served.
        storage_class: the storage class; None for the cluster's default.

    Raises:
        NoVolumeError: the model is served from S3.
    """
    storage = claim_of(spec)
    manifest: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": storage.claim,
            "namespace": namespace,
            "labels": model_labels(spec, name="weights", component="storage"),
        },
        "spec": {
            "accessModes": [storage.access_mode],
            "resources": {"requests": {"storage": storage.size}},
            "volumeMode": "Filesystem",
        },
    }
    if storage_class is not None:
        manifest["spec"]["storageClassName"] = storage_class
    return manifest


def claim_of(spec: ModelSpec) -> ClaimStorage:
    """Return the model's volume storage.

    Raises:
        NoVolumeError: the model is served from S3.
    """
    if not isinstance(spec.storage, ClaimStorage):
        raise NoVolumeError(model=spec.key)
    return spec.storage
