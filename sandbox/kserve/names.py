"""Names that KServe and those who read its objects agree on."""

from __future__ import annotations

import re

from sandbox.kube.objects import Object, name_of
from sandbox.kube.resources import Resource

GROUP = "serving.kserve.io"
SERVICE_LABEL = f"{GROUP}/inferenceservice"
MODE_ANNOTATION = f"{GROUP}/deploymentMode"
STOP_ANNOTATION = f"{GROUP}/stop"
CONTAINER = "kserve-container"
INITIALIZER = "storage-initializer"
FINALIZER = "inferenceservice.finalizers"
MODELS = "/mnt/models"

INFERENCE_SERVICE = Resource(
    group=GROUP, version="v1beta1", kind="InferenceService", plural="inferenceservices", custom=True
)
SERVING_RUNTIME = Resource(
    group=GROUP, version="v1alpha1", kind="ServingRuntime", plural="servingruntimes", custom=True
)

_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")


def predictor_name(service: Object) -> str:
    """Return the name of the Deployment and the Service behind an InferenceService."""
    return f"{name_of(service)}-predictor"


def is_valid(name: str) -> bool:
    """Tell whether KServe's webhook takes a name, and the Service of its predictor can have one."""
    return _NAME.fullmatch(name) is not None and len(f"{name}-predictor") <= 63  # noqa: PLR2004 - a DNS label
