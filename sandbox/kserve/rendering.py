"""The Deployment and the Service behind an InferenceService, as KServe's Standard mode makes them; pure."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass

from sandbox.kserve.errors import InvalidServiceError
from sandbox.kserve.names import CONTAINER, GROUP, SERVICE_LABEL, predictor_name
from sandbox.kserve.storage import Storage
from sandbox.kube.controllers.pod_making import reference
from sandbox.kube.objects import Json, Object, dig, labels_of, name_of, namespace_of
from sandbox.kube.patch import strategic_merge

_PLACEHOLDER = re.compile(r"\{\{\s*\.(Name|Namespace|Labels|Annotations)(?:\.([\w./-]+))?\s*\}\}")
_PORT = 8080
_SERVICE_PORT = 80
_SOURCE = f"internal.{GROUP}/storage-initializer-sourceuri"
_NOT_PASSED_ON = frozenset({"kubectl.kubernetes.io/last-applied-configuration"})
_ROLLING = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}}

# What of a model is no container, and of a predictor no pod.
_MODEL = frozenset({"modelFormat", "runtime", "runtimeVersion", "protocolVersion", "storageUri", "storage", "name"})
_PREDICTOR = frozenset(
    {
        *("model", "minReplicas", "maxReplicas", "scaleTarget", "scaleMetric", "scaleMetricType", "autoScaling"),
        *("containerConcurrency", "timeout", "canaryTrafficPercent", "logger", "batcher", "labels", "annotations"),
        *("deploymentStrategy", "workerSpec", "storageUris", "name"),
    }
)
_RUNTIME_POD = ("nodeSelector", "affinity", "tolerations", "volumes", "imagePullSecrets", "hostIPC")


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """What an InferenceService becomes."""

    deployment: Object
    service: Object


def render(service: Object, runtime: Object, storage: Storage, *, node_ports: bool) -> Rendered:
    """Return the objects.

    Args:
        service: the InferenceService.
        runtime: its ServingRuntime.
        storage: what its weights need.
        node_ports: whether the Service is to be reached from outside of the cluster's network.

    Raises:
        InvalidServiceError: the runtime has no container for the model.
    """
    predictor: Object = service["spec"]["predictor"]
    pod = _pod(service, runtime, storage)
    container = next(each for each in pod["containers"] if each["name"] == CONTAINER)
    selector = {"app": f"isvc.{predictor_name(service)}"}
    marks = {**selector, SERVICE_LABEL: name_of(service), "component": "predictor"}
    labels = {**labels_of(service), **_texts(runtime, "spec.labels"), **(predictor.get("labels") or {}), **marks}
    annotations = {
        **{key: value for key, value in _texts(service, "metadata.annotations").items() if key not in _NOT_PASSED_ON},
        **_texts(runtime, "spec.annotations"),
        **(predictor.get("annotations") or {}),
    }
    if uri := predictor["model"].get("storageUri"):
        annotations[_SOURCE] = uri
    head: Object = {
        "name": predictor_name(service),
        "namespace": namespace_of(service),
        "labels": labels,
        "ownerReferences": [reference(service)],
    }
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {**head, "annotations": annotations},
        "spec": {
            "replicas": max(1, int(predictor.get("minReplicas") or 1)),
            "selector": {"matchLabels": selector},
            "strategy": predictor.get("deploymentStrategy") or _ROLLING,
            "template": {"metadata": {"labels": labels, "annotations": annotations}, "spec": pod},
        },
    }
    return Rendered(
        deployment=deployment,
        service={
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": head,
            "spec": {
                "type": "NodePort" if node_ports else "ClusterIP",
                "selector": selector,
                "ports": [_port(container)],
            },
        },
    )


def _pod(service: Object, runtime: Object, storage: Storage) -> Object:
    predictor: Object = service["spec"]["predictor"]
    base = {key: value for key, value in runtime["spec"].items() if key in _RUNTIME_POD}
    # As KServe does: the predictor's pod is merged over the runtime's like a strategic merge patch.
    pod: Object = strategic_merge(base, {key: value for key, value in predictor.items() if key not in _PREDICTOR})
    serving = _container(service, runtime, storage)
    others = [copy.deepcopy(each) for each in runtime["spec"]["containers"] if each["name"] != CONTAINER]
    pod["containers"] = [serving, *others]
    # KServe gives what fetches weights the security context of what serves them.
    rights = {"securityContext": serving["securityContext"]} if "securityContext" in serving else {}
    fetching = [{**each, **copy.deepcopy(rights)} for each in storage.initializers]
    if initializers := [*fetching, *(pod.get("initContainers") or [])]:
        pod["initContainers"] = initializers
    if volumes := [*(pod.get("volumes") or []), *storage.volumes]:
        pod["volumes"] = volumes
    return pod


def _container(service: Object, runtime: Object, storage: Storage) -> Object:
    """Return the container that serves: the runtime's, the model's fields merged over it, its arguments appended."""
    model: Object = service["spec"]["predictor"]["model"]
    found = next((each for each in runtime["spec"]["containers"] if each["name"] == CONTAINER), None)
    if found is None:
        raise InvalidServiceError(f"ServingRuntime {name_of(runtime)} has no container named {CONTAINER}")
    fields = {key: value for key, value in model.items() if key not in _MODEL | {"args"}}
    container: Object = strategic_merge(found, fields)
    container["args"] = [*(found.get("args") or []), *(model.get("args") or [])]
    if version := model.get("runtimeVersion"):
        container["image"] = f"{container['image'].rpartition(':')[0] or container['image']}:{version}"
    container = _filled_in(container, service)
    container["volumeMounts"] = [*(container.get("volumeMounts") or []), *storage.mounts]
    if "readinessProbe" not in container:
        container["readinessProbe"] = {"tcpSocket": {"port": _PORT}, "periodSeconds": 10, "successThreshold": 1}
    return container


def _filled_in(value: Json, service: Object) -> Json:
    """Replace `{{.Name}}` and its kin in all texts."""
    if isinstance(value, dict):
        return {key: _filled_in(inner, service) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled_in(inner, service) for inner in value]
    if not isinstance(value, str):
        return value

    def replace(match: re.Match[str]) -> str:
        held = dig(service, f"metadata.{match[1].lower()}")
        return str((held or {}).get(match[2], "") if match[2] else held or "")

    return _PLACEHOLDER.sub(replace, value)


def _port(container: Object) -> Object:
    ports = container.get("ports") or [{"containerPort": _PORT}]
    first = ports[0]
    return {
        "name": first.get("name") or "http",
        "port": _SERVICE_PORT,
        "targetPort": first["containerPort"],
        "protocol": first.get("protocol") or "TCP",
    }


def _texts(obj: Object, path: str) -> dict[str, str]:
    found: dict[str, str] = dig(obj, path) or {}
    return found
