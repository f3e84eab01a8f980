"""The shapes of the fields that the server and its controllers read; what nobody reads here is not checked."""

from collections.abc import Callable, Iterator

from sandbox.kube.objects import Json, Object
from sandbox.kube.quantities import quantity

# A shape is a type, a check, a list of one shape, or a map of fields; "!" marks a required one, "*" stands for any.
Shape = Json

_TEXTS = {"*": str}
_AMOUNT = (str, int, float)


def _quantity(value: Json) -> bool:
    try:
        return isinstance(value, _AMOUNT) and quantity(value) >= 0
    except ValueError:
        return False


def _whole(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _port(value: Json) -> bool:
    return isinstance(value, str) or _whole(value)


_REFERENCE = {"name": str, "optional": bool}
_KEY = {**_REFERENCE, "key!": str}
_ITEMS = [{"key!": str, "path!": str}]
_FIELDS = {"items": [{"path!": str, "fieldRef!": {"fieldPath!": str}}], "defaultMode": int}
_CONFIG = {**_REFERENCE, "items": _ITEMS, "defaultMode": int}
_SECRET = {**_CONFIG, "secretName": str}
_SOURCE = {
    "configMap": _CONFIG,
    "secret": _CONFIG,
    "downwardAPI": _FIELDS,
    "serviceAccountToken": {"path!": str},
}
_VOLUME = {
    "name!": str,
    "emptyDir": {},
    "configMap": _CONFIG,
    "secret": _SECRET,
    "downwardAPI": _FIELDS,
    "projected": {"sources!": [_SOURCE], "defaultMode": int},
    "persistentVolumeClaim": {"claimName!": str},
}
_PROBE = {
    "httpGet": {"port!": _port, "path": str, "scheme": str, "httpHeaders": [{"name!": str, "value!": str}]},
    "tcpSocket": {"port!": _port},
    "exec": {"command!": [str]},
    **dict.fromkeys(
        ("initialDelaySeconds", "periodSeconds", "timeoutSeconds", "successThreshold", "failureThreshold"), _whole
    ),
}
_VALUE_FROM = {
    "secretKeyRef": _KEY,
    "configMapKeyRef": _KEY,
    "fieldRef": {"fieldPath!": str},
    "resourceFieldRef": {"resource!": str, "divisor": _quantity},
}
_CONTAINER = {
    "name!": str,
    "image": str,
    "command": [str],
    "args": [str],
    "workingDir": str,
    "env": [{"name!": str, "value": str, "valueFrom": _VALUE_FROM}],
    "envFrom": [{"prefix": str, "configMapRef": _REFERENCE, "secretRef": _REFERENCE}],
    "volumeMounts": [{"name!": str, "mountPath!": str, "subPath": str}],
    "resources": {"limits": {"*": _quantity}, "requests": {"*": _quantity}},
    "ports": [{"containerPort!": _whole, "name": str}],
    "terminationMessagePath": str,
    **dict.fromkeys(("startupProbe", "readinessProbe", "livenessProbe"), _PROBE),
}
_POD_SPEC = {
    "containers": [_CONTAINER],
    "initContainers": [_CONTAINER],
    "volumes": [_VOLUME],
    "nodeSelector": _TEXTS,
    "nodeName": str,
    "serviceAccountName": str,
    "automountServiceAccountToken": bool,
    "restartPolicy": lambda value: value in {"Always", "OnFailure", "Never"},
    "terminationGracePeriodSeconds": _whole,
    "activeDeadlineSeconds": _whole,
    "tolerations": [{"key": str, "operator": str, "value": str, "effect": str}],
}
_TEMPLATE = {"metadata": {"labels": _TEXTS, "annotations": _TEXTS}, "spec": _POD_SPEC}
_OWNER = {"apiVersion!": str, "kind!": str, "name!": str, "uid!": str, "controller": bool}
_METADATA = {
    "name": str,
    "generateName": str,
    "namespace": str,
    "labels": _TEXTS,
    "annotations": _TEXTS,
    "finalizers": [str],
    "ownerReferences": [_OWNER],
    "managedFields": [{}],
    "resourceVersion": str,
    "uid": str,
}
_CLAIM = {"accessModes": [str], "resources": {"requests": {"*": _quantity}}}
_NODE = {"taints": [{"key!": str, "effect!": str, "value": str}], "unschedulable": bool}
_DEFINITION = {
    "group": str,
    "scope": str,
    "names": {"kind!": str, "plural!": str, "shortNames": [str]},
    "versions": [{"name!": str, "additionalPrinterColumns": [{"name!": str, "type!": str, "jsonPath!": str}]}],
}
_JOB = {
    "template": _TEMPLATE,
    **dict.fromkeys(("parallelism", "completions", "backoffLimit", "activeDeadlineSeconds"), _whole),
    "ttlSecondsAfterFinished": _whole,
    "suspend": bool,
}
_KINDS: dict[tuple[str, str], Shape] = {
    ("", "pods"): {
        "spec": _POD_SPEC,
        "status": {"conditions": [{"type!": str}], "containerStatuses": [{"name!": str}]},
    },
    ("", "nodes"): {"spec": _NODE, "status": {"allocatable": {"*": _quantity}, "conditions": [{"type!": str}]}},
    ("", "namespaces"): {"spec": {"finalizers": [str]}},
    ("", "configmaps"): {"data": _TEXTS, "binaryData": _TEXTS},
    ("", "secrets"): {"data": _TEXTS, "stringData": _TEXTS, "type": str},
    ("", "services"): {"spec": {"ports": [{"port!": _whole}]}},
    ("", "persistentvolumeclaims"): {"spec": _CLAIM},
    ("", "events"): {"involvedObject": {"name": str, "kind": str}, "message": str},
    ("batch", "jobs"): {"spec": _JOB, "status": {"conditions": [{"type!": str, "status!": str}]}},
    ("apiextensions.k8s.io", "customresourcedefinitions"): {"spec": _DEFINITION},
}


def problems(key: tuple[str, str], obj: Object) -> Iterator[tuple[str, str]]:
    """Yield (field, problem) for all that is not of the shape its kind has."""
    for field in ("spec", "status"):
        if not isinstance(obj.get(field, {}), dict):
            yield field, "Invalid value: not an object"
    yield from _check({"metadata": _METADATA, **_KINDS.get(key, {})}, obj, "")


def _check(shape: Shape, value: Json, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            yield path, f"Invalid value: {value!r}: not an object"
            return
        for field, inner in shape.items():
            name = field.rstrip("!")
            for key in value if field == "*" else [name]:
                if key in value:
                    yield from _check(inner, value[key], f"{path}.{key}".lstrip("."))
                elif field.endswith("!"):
                    yield f"{path}.{name}".lstrip("."), "Required value"
    elif isinstance(shape, list):
        if not isinstance(value, list):
            yield path, f"Invalid value: {value!r}: not a list"
            return
        for index, item in enumerate(value):
            yield from _check(shape[0], item, f"{path}[{index}]")
    elif not _fits(shape, value):
        yield path, f"Invalid value: {value!r}"


def _fits(shape: type | Callable[[Json], bool], value: Json) -> bool:
    return isinstance(value, shape) if isinstance(shape, type) else shape(value)
