"""The InferenceService of a model: which bytes, which image, which node, which engine arguments: pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from deployments.spec import ClaimStorage, ModelSpec, Serving
from k8s.manifests.capacity import cpu_kv_cache_gib
from k8s.manifests.errors import UnusableInputError
from k8s.manifests.kserve_storage import SERVICE_ACCOUNT
from k8s.manifests.labels import model_labels
from k8s.manifests.probes import startup_probe
from k8s.manifests.serving_runtime import MODEL_FORMAT, MODEL_FORMAT_VERSION, RUNTIME, shared_memory_volume

MANIFEST_SHA256 = "slipway.dev/manifest-sha256"
"""The annotation that ties a service to the bytes that an import proved."""
SOURCE_COMMIT = "slipway.dev/source-commit"
REPLICA_OF = "slipway.dev/replica-of"
"""Stands only on services of an overlaid catalog, whose weights are a stand-in for those of the named repository."""
DEPLOYMENT_MODE = "serving.kserve.io/deploymentMode"

# The old names, because every KServe since 0.7 understands them: 0.16 renamed them to Standard and Knative and still
# takes these, while an older one silently falls back to its default when it reads a new name.
_MODES = {"Standard": "RawDeployment", "Serverless": "Serverless"}
_GPU = "nvidia.com/gpu"
# Knative gives up on a revision after ten minutes by default, in which the image and the weights must also be pulled.
_PULL_SECONDS = 1800

_SHAPES = {
    "image": (re.compile(r"[^\s@]+@sha256:[0-9a-f]{64}"), "an image by digest, name@sha256:<64 hex digits>"),
    "manifest_sha256": (re.compile(r"[0-9a-f]{64}"), "64 hex digits"),
    "source_commit": (re.compile(r"[0-9a-f]{40}"), "40 hex digits"),
    "registry_name": (re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"), "the registry's name, a DNS label"),
    "registered_model_id": (re.compile(r"[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?"), "an id of the registry"),
    "model_version_id": (re.compile(r"[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?"), "an id of the registry"),
}


@dataclass(frozen=True, kw_only=True)
class ServiceInputs:
    """What only an import and the environment know of a service; the spec has the rest.

    No run id is among them: equal inputs give an equal manifest, so that what is deployed already can be told.

    Attributes:
        namespace: where the model is served.
        bucket: the bucket of the weights.
        image: the runtime image by digest: the version's property `runtime_image`.
        manifest_sha256: SHA-256 of the version's manifest.json, 64 hex digits.
        source_commit: the commit that the bytes came from, 40 hex digits.
        registry_name: the name of the Model Registry, as the OpenShift dashboard lists it.
        registered_model_id: the registered model's id in it.
        model_version_id: the version's id in it.
        pull_secret: a Secret for the image's registry; Kubernetes ignores one that does not exist.
    """

    namespace: str
    bucket: str
    image: str
    manifest_sha256: str
    source_commit: str
    registry_name: str
    registered_model_id: str
    model_version_id: str
    pull_secret: str = "quay-credentials"  # noqa: S105 - the name of a Secret

    def __post_init__(self) -> None:
        """Refuse what Kubernetes would refuse later, or worse, accept: a tag instead of a digest.

        Raises:
            UnusableInputError: a value has the wrong shape.
        """
        for name, (shape, wanted) in _SHAPES.items():
            value = getattr(self, name)
            if shape.fullmatch(value) is None:
                raise UnusableInputError(name=name, value=value, wanted=wanted)


def inference_service(spec: ModelSpec, inputs: ServiceInputs) -> dict[str, Any]:
    """Return the InferenceService.

    Args:
        spec: the model.
        inputs: what the import and the environment know.
    """
    serving = spec.serving
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {
            "name": serving.inference_service,
            "namespace": inputs.namespace,
            "labels": {
                **model_labels(spec, name="vllm", component="serving"),
                "app.kubernetes.io/version": spec.version,
                "opendatahub.io/dashboard": "true",
                "modelregistry.opendatahub.io/name": inputs.registry_name,
                "modelregistry.opendatahub.io/registered-model-id": inputs.registered_model_id,
                "modelregistry.opendatahub.io/model-version-id": inputs.model_version_id,
            },
            "annotations": _annotations(spec, inputs),
        },
        "spec": {"predictor": _predictor(spec, inputs)},
    }


def storage_uri(spec: ModelSpec, *, bucket: str) -> str:
    """Return where KServe takes the weights from.

    For S3 it is the very prefix that the import writes, with the trailing slash: KServe matches bare prefixes, so
    without the slash `…/full` would also pull `…/full-2`. For a volume it is the version's folder on it.
    """
    if isinstance(spec.storage, ClaimStorage):
        return f"pvc://{spec.storage.claim}/{spec.version}"
    return f"s3://{bucket}/{spec.prefix}"


def _annotations(spec: ModelSpec, inputs: ServiceInputs) -> dict[str, str]:
    annotations = {
        DEPLOYMENT_MODE: _MODES[spec.serving.deployment_mode],
        "openshift.io/display-name": f"{spec.registered_model} {spec.version}",
        MANIFEST_SHA256: inputs.manifest_sha256,
        SOURCE_COMMIT: inputs.source_commit,
    }
    if spec.overlaid_by:
        annotations[REPLICA_OF] = spec.source.repo
    if spec.serving.deployment_mode == "Serverless":
        probe = startup_probe(spec.serving.load_seconds)
        startup = probe["periodSeconds"] * probe["failureThreshold"]
        annotations["serving.knative.dev/progress-deadline"] = f"{startup + _PULL_SECONDS}s"
    return annotations


def _predictor(spec: ModelSpec, inputs: ServiceInputs) -> dict[str, Any]:
    serving = spec.serving
    predictor: dict[str, Any] = {
        "minReplicas": serving.replicas,
        "maxReplicas": serving.replicas,
        "containerConcurrency": serving.container_concurrency,
        "serviceAccountName": SERVICE_ACCOUNT,
        "automountServiceAccountToken": False,
        "imagePullSecrets": [{"name": inputs.pull_secret}],
        "nodeSelector": dict(serving.node_selector),
        "tolerations": [each.model_dump(exclude_none=True) for each in serving.tolerations],
        "volumes": [shared_memory_volume(serving.shared_memory)],
        "model": _model(spec, inputs),
    }
    if serving.deployment_mode == "Standard":
        # A rolling update needs the GPUs of two copies: it exhausted the quota and hung. KServe refuses the field
        # in the other mode.
        predictor["deploymentStrategy"] = {"type": serving.deployment_strategy}
    return predictor


def _model(spec: ModelSpec, inputs: ServiceInputs) -> dict[str, Any]:
    model: dict[str, Any] = {
        "modelFormat": {"name": MODEL_FORMAT, "version": MODEL_FORMAT_VERSION},
        "runtime": RUNTIME,
        "storageUri": storage_uri(spec, bucket=inputs.bucket),
        "image": inputs.image,
        "args": list(spec.serving.vllm_args),
        "resources": _resources(spec.serving),
        "startupProbe": startup_probe(spec.serving.load_seconds),
    }
    if spec.serving.gpus.count == 0:
        # vLLM's CPU build has no --gpu-memory-utilization; it is told the size of its KV cache in GiB.
        model["env"] = [{"name": "VLLM_CPU_KVCACHE_SPACE", "value": str(cpu_kv_cache_gib(spec))}]
    return model


def _resources(serving: Serving) -> dict[str, dict[str, str]]:
    resources: dict[str, dict[str, str]] = {
        "requests": dict(serving.resources.requests.items()),
        "limits": dict(serving.resources.limits.items()),
    }
    if serving.gpus.count:
        for amounts in resources.values():
            amounts[_GPU] = str(serving.gpus.count)
    return resources
