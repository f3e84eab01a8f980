"""The ServingRuntime: how vLLM is started, the same for every model: pure."""

from __future__ import annotations

from typing import Any

from k8s.manifests.labels import shared_labels
from k8s.manifests.probes import PORT, liveness_probe, readiness_probe, startup_probe
from k8s.manifests.restricted import restricted_container

RUNTIME = "vllm-cuda-runtime"
MODEL_FORMAT = "vLLM"
MODEL_FORMAT_VERSION = "1"
METRICS_PATH = "/metrics"
PORT_NAME = "http1"
"""The port's name in the pod; of the names that Knative also takes it is the one for HTTP/1."""
SHM_VOLUME = "shm"

_MODELS = "/mnt/models"  # KServe mounts the weights here, wherever they come from
_SCRATCH = "/tmp"  # noqa: S108 - a mount path in a container that nobody shares
_SCRATCH_SIZE = "5Gi"  # compiled kernels; without a limit they could fill the node's disk
_SHARED_MEMORY = "2Gi"

# The image that an import builds sets most of these too. The platform's own image, which serves until then, does not,
# and its home folder is not writable here.
_ENVIRONMENT = {
    "HOME": _SCRATCH,
    "LOGNAME": "slipway",  # torch asks for the user's name, and /etc/passwd does not know the uids of OpenShift
    "HF_HOME": f"{_SCRATCH}/hf_home",
    "XDG_CACHE_HOME": f"{_SCRATCH}/cache",
    "VLLM_CACHE_ROOT": f"{_SCRATCH}/cache/vllm",
    "TRITON_CACHE_DIR": f"{_SCRATCH}/cache/triton",
    "TORCHINDUCTOR_CACHE_DIR": f"{_SCRATCH}/cache/torchinductor",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    # Clients, httpx among them, end an idle connection after 5 s, and so does vLLM unless told otherwise: whoever used
    # one in that moment lost a request.
    "VLLM_HTTP_TIMEOUT_KEEP_ALIVE": "75",
}


def serving_runtime(*, namespace: str, image: str, slowest_load_seconds: int) -> dict[str, Any]:
    """Return the ServingRuntime that all InferenceServices name.

    An InferenceService adds its engine arguments after these, and replaces the image, the startup probe and the size
    of the shared memory; KServe merges containers, volumes and environment by name.

    Args:
        namespace: where the models are served.
        image: the platform's vLLM image by digest. What an import builds replaces it.
        slowest_load_seconds: the load time of the slowest model, for services that set no startup probe of their own.
    """
    return {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "ServingRuntime",
        "metadata": {
            "name": RUNTIME,
            "namespace": namespace,
            "labels": {**shared_labels("vllm", component="serving"), "opendatahub.io/dashboard": "true"},
            "annotations": {
                "opendatahub.io/apiProtocol": "REST",
                "opendatahub.io/recommended-accelerators": '["nvidia.com/gpu"]',
                "openshift.io/display-name": "vLLM for NVIDIA GPUs (slipway)",
            },
        },
        "spec": {
            "annotations": {
                "prometheus.io/scrape": "true",
                "prometheus.io/port": str(PORT),
                "prometheus.io/path": METRICS_PATH,
                # Knative's pods are scraped through a sidecar, which reads these two.
                "prometheus.kserve.io/port": str(PORT),
                "prometheus.kserve.io/path": METRICS_PATH,
            },
            "multiModel": False,
            "supportedModelFormats": [{"name": MODEL_FORMAT, "version": MODEL_FORMAT_VERSION, "autoSelect": True}],
            "containers": [_container(image, slowest_load_seconds)],
            "volumes": [
                shared_memory_volume(_SHARED_MEMORY),
                {"name": "tmp", "emptyDir": {"sizeLimit": _SCRATCH_SIZE}},
            ],
        },
    }


def shared_memory_volume(size: str) -> dict[str, Any]:
    """Return the volume behind /dev/shm; it counts against the container's memory limit.

    Args:
        size: a Kubernetes quantity. The container runtime's default of 64 MiB breaks tensor parallelism.
    """
    return {"name": SHM_VOLUME, "emptyDir": {"medium": "Memory", "sizeLimit": size}}


def _container(image: str, load_seconds: int) -> dict[str, Any]:
    return {
        "name": "kserve-container",  # KServe finds the predictor's container by this name
        "image": image,
        "command": ["python", "-m", "vllm.entrypoints.openai.api_server"],
        # KServe fills in the InferenceService's name, so that the id in /v1/models always equals it.
        "args": [f"--port={PORT}", f"--model={_MODELS}", "--served-model-name={{.Name}}"],
        "env": [{"name": name, "value": value} for name, value in _ENVIRONMENT.items()],
        "ports": [{"name": PORT_NAME, "containerPort": PORT, "protocol": "TCP"}],
        "startupProbe": startup_probe(load_seconds),
        "readinessProbe": readiness_probe(),
        "livenessProbe": liveness_probe(),
        "securityContext": restricted_container(),
        "volumeMounts": [
            {"name": SHM_VOLUME, "mountPath": "/dev/shm"},  # noqa: S108 - the kernel's fixed name
            {"name": "tmp", "mountPath": _SCRATCH},
        ],
    }
