"""What the server fills in and refuses, kind by kind: defaults, validation, immutable fields."""

import base64
import re
from collections.abc import Callable

from sandbox.kube import local_ports
from sandbox.kube.errors import InvalidError
from sandbox.kube.objects import Json, Object, labels_of, name_of, uid_of
from sandbox.kube.resources import Resource

_NAME = re.compile(r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
_MAX_NAME = 253
_MAX_LABEL = 63
_LABEL = re.compile(r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$")
_PLAIN_NAMES = frozenset({"roles", "rolebindings", "clusterroles", "clusterrolebindings"})  # may hold colons


def without_nulls(value: Json) -> Json:
    """Return the value without null fields: to the API, null is absent."""
    if isinstance(value, dict):
        return {key: without_nulls(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def check_metadata(resource: Resource, obj: Object) -> None:
    """Check the name and the labels.

    Raises:
        InvalidError: one is not as Kubernetes wants it.
    """
    name = name_of(obj)
    if resource.plural not in _PLAIN_NAMES and (len(name) > _MAX_NAME or not _NAME.match(name)):
        raise _invalid(resource, obj, "metadata.name", f'Invalid value: "{name}": must be a lowercase RFC 1123 name')
    for key, value in labels_of(obj).items():
        if not isinstance(value, str) or len(value) > _MAX_LABEL or not _LABEL.match(value):
            raise _invalid(resource, obj, "metadata.labels", f'Invalid value: "{value}": of label {key}')


def fill_in(resource: Resource, obj: Object) -> None:
    """Set the defaults of a kind on a new or changed object.

    Raises:
        InvalidError: a required field is missing or wrong.
    """
    if rule := _DEFAULTS.get(resource.key):
        rule(resource, obj)


def check_change(resource: Resource, before: Object, after: Object) -> None:
    """Check that immutable fields stay as they are.

    Raises:
        InvalidError: one would change.
    """
    for field in _IMMUTABLE.get(resource.key, ()):
        if (before.get("spec") or {}).get(field) != (after.get("spec") or {}).get(field):
            raise _invalid(resource, after, f"spec.{field}", "Invalid value: field is immutable")
    if before.get("immutable") and any(before.get(f) != after.get(f) for f in ("data", "binaryData", "immutable")):
        raise _invalid(resource, after, "data", "Forbidden: field is immutable when `immutable` is set")


_IMMUTABLE: dict[tuple[str, str], tuple[str, ...]] = {
    ("batch", "jobs"): ("template", "selector", "completions", "completionMode"),
    ("", "pods"): ("containers", "initContainers", "volumes", "restartPolicy", "serviceAccountName"),
    ("", "persistentvolumeclaims"): ("accessModes", "storageClassName", "selector"),
    ("apps", "deployments"): ("selector",),
    ("apps", "replicasets"): ("selector",),
}


def _invalid(resource: Resource, obj: Object, field: str, problem: str) -> InvalidError:
    return InvalidError(kind=resource.kind, group=resource.group, name=name_of(obj), field=field, problem=problem)


def _namespace(_: Resource, obj: Object) -> None:
    obj.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])
    obj.setdefault("status", {}).setdefault("phase", "Active")
    obj["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = name_of(obj)


def _secret(resource: Resource, obj: Object) -> None:
    obj.setdefault("type", "Opaque")
    for key, text in (obj.pop("stringData", None) or {}).items():
        obj.setdefault("data", {})[key] = base64.b64encode(text.encode()).decode()
    for key, value in (obj.get("data") or {}).items():
        try:
            base64.b64decode(value, validate=True)
        except ValueError as error:
            raise _invalid(resource, obj, f"data[{key}]", "Invalid value: not base64") from error


def _pod(resource: Resource, obj: Object) -> None:
    if not obj.get("spec"):
        raise _invalid(resource, obj, "spec", "Required value")
    _pod_spec(resource, obj, obj["spec"], "spec")
    obj.setdefault("status", {}).setdefault("phase", "Pending")


def _pod_spec(resource: Resource, obj: Object, spec: Object, path: str) -> None:
    if not spec.get("containers"):
        raise _invalid(resource, obj, f"{path}.containers", "Required value")
    for volume in spec.get("volumes") or []:
        if volume.keys() == {"name"}:
            volume["emptyDir"] = {}
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("schedulerName", "default-scheduler")
    spec.setdefault("serviceAccountName", "default")
    for group in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(group) or []):
            where = f"{path}.{group}[{index}]"
            for field in ("name", "image"):
                if not container.get(field):
                    raise _invalid(resource, obj, f"{where}.{field}", "Required value")
            container.setdefault("terminationMessagePath", "/dev/termination-log")
            container.setdefault("terminationMessagePolicy", "File")
            container.setdefault("imagePullPolicy", "IfNotPresent")
            limits = (container.setdefault("resources", {})).get("limits") or {}
            if limits:  # a limit without a request is a request of the same size
                container["resources"]["requests"] = {**limits, **(container["resources"].get("requests") or {})}


def _job(resource: Resource, obj: Object) -> None:
    spec = obj.get("spec") or {}
    template = spec.get("template") or {}
    if not template.get("spec"):
        raise _invalid(resource, obj, "spec.template", "Required value")
    if template["spec"].get("restartPolicy") not in {"Never", "OnFailure"}:
        problem = 'Required value: valid values: "OnFailure", "Never"'
        raise _invalid(resource, obj, "spec.template.spec.restartPolicy", problem)
    _pod_spec(resource, obj, template["spec"], "spec.template.spec")
    spec.setdefault("parallelism", 1)
    spec.setdefault("completions", 1)
    spec.setdefault("backoffLimit", 6)
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    marks = {
        "batch.kubernetes.io/controller-uid": uid_of(obj),
        "batch.kubernetes.io/job-name": name_of(obj),
        "controller-uid": uid_of(obj),
        "job-name": name_of(obj),
    }
    template.setdefault("metadata", {}).setdefault("labels", {}).update(marks)
    spec.setdefault("selector", {"matchLabels": {"batch.kubernetes.io/controller-uid": uid_of(obj)}})


def _replica_set(resource: Resource, obj: Object) -> None:
    spec = obj.get("spec") or {}
    template = spec.get("template") or {}
    if not template.get("spec"):
        raise _invalid(resource, obj, "spec.template", "Required value")
    labels = (template.get("metadata") or {}).get("labels") or {}
    wanted = (spec.get("selector") or {}).get("matchLabels") or {}
    if not wanted or any(labels.get(key) != value for key, value in wanted.items()):
        problem = "Invalid value: `selector` does not match template `labels`"
        raise _invalid(resource, obj, "spec.template.metadata.labels", problem)
    _pod_spec(resource, obj, template["spec"], "spec.template.spec")
    spec.setdefault("replicas", 1)


def _deployment(resource: Resource, obj: Object) -> None:
    _replica_set(resource, obj)
    spec = obj["spec"]
    strategy = spec.setdefault("strategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        strategy["rollingUpdate"] = {
            "maxSurge": "25%",
            "maxUnavailable": "25%",
            **(strategy.get("rollingUpdate") or {}),
        }
    elif strategy.get("rollingUpdate"):
        problem = "Forbidden: may not be specified when strategy `type` is 'Recreate'"
        raise _invalid(resource, obj, "spec.strategy.rollingUpdate", problem)
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)


def _service(_: Resource, obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("type", "ClusterIP")
    spec.setdefault("clusterIP", "127.0.0.1")  # every pod listens on loopback; a port of its own tells them apart
    spec.setdefault("sessionAffinity", "None")
    for port in spec.get("ports") or []:
        port.setdefault("protocol", "TCP")
        port.setdefault("targetPort", port.get("port"))
        if spec["type"] == "NodePort" and not port.get("nodePort"):
            port["nodePort"] = local_ports.choose(local_ports.NODE_PORTS)


def _claim(_: Resource, obj: Object) -> None:
    obj.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")
    obj.setdefault("status", {}).setdefault("phase", "Pending")


def _definition(resource: Resource, obj: Object) -> None:
    spec = obj.get("spec") or {}
    for field in ("group", "names", "scope", "versions"):
        if not spec.get(field):
            raise _invalid(resource, obj, f"spec.{field}", "Required value")
    names = spec["names"]
    names.setdefault("singular", names["kind"].lower())
    names.setdefault("listKind", names["kind"] + "List")


_DEFAULTS: dict[tuple[str, str], Callable[[Resource, Object], None]] = {
    ("", "namespaces"): _namespace,
    ("", "secrets"): _secret,
    ("", "pods"): _pod,
    ("", "services"): _service,
    ("", "persistentvolumeclaims"): _claim,
    ("batch", "jobs"): _job,
    ("apps", "deployments"): _deployment,
    ("apps", "replicasets"): _replica_set,
    ("apiextensions.k8s.io", "customresourcedefinitions"): _definition,
}
