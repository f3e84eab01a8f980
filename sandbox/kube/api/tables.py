"""The tables that `kubectl get` prints: columns and cells per kind."""

from collections.abc import Callable

from sandbox.kube.api import printer_paths
from sandbox.kube.objects import Json, Object, dig, name_of, parse_time, seconds_since
from sandbox.kube.resources import Resource

Cells = Callable[[Object], list[Json]]

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def table(resource: Resource, obj: Object, include: str) -> Object:
    """Return an object or a list of objects as a `Table`; `include` is None, Metadata or Object."""
    columns, cells = _printer(resource)
    items = obj["items"] if "items" in obj and obj["kind"].endswith("List") else [obj]
    rows = [{"cells": cells(item), "object": _included(item, include)} for item in items]
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {key: value for key, value in obj["metadata"].items() if key in {"resourceVersion", "continue"}},
        "columnDefinitions": [
            {
                "name": name.lstrip("+"),
                "type": "string",
                "format": "name" if name == "Name" else "",
                "description": "",
                "priority": 1 if name.startswith("+") else 0,
            }
            for name in columns
        ],
        "rows": rows,
    }


def _included(item: Object, include: str) -> Object | None:
    if include == "Object":
        return item
    if include == "None":
        return None
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": item["metadata"]}


def duration(seconds: float) -> str:
    """Return a span as kubectl writes it: 5s, 3m20s, 2h, 4d."""
    whole = max(0, int(seconds))
    if whole < 2 * _MINUTE:
        return f"{whole}s"
    if whole < 10 * _MINUTE:
        return f"{whole // _MINUTE}m{whole % _MINUTE}s" if whole % _MINUTE else f"{whole // _MINUTE}m"
    if whole < 3 * _HOUR:
        return f"{whole // _MINUTE}m"
    return f"{whole // _HOUR}h" if whole < 2 * _DAY else f"{whole // _DAY}d"


def _age(obj: Object) -> str:
    created = dig(obj, "metadata.creationTimestamp")
    return duration(seconds_since(created)) if created else "<unknown>"


def _printer(resource: Resource) -> tuple[list[str], Cells]:
    if resource.columns:
        names = ["Name", *(name for name, _, _ in resource.columns)]
        return names, lambda obj: [name_of(obj), *(_printed(obj, path, kind) for _, kind, path in resource.columns)]
    return _PRINTERS.get(resource.plural, (["Name", "Age"], lambda obj: [name_of(obj), _age(obj)]))


def _printed(obj: Object, path: str, kind: str) -> Json:
    value = printer_paths.read(obj, path)
    return duration(seconds_since(value)) if value is not None and kind == "date" else value


def _pod(pod: Object) -> list[Json]:
    statuses = dig(pod, "status.containerStatuses") or []
    ready = sum(bool(status.get("ready")) for status in statuses)
    restarts = sum(status.get("restartCount", 0) for status in statuses)
    total = len(pod["spec"]["containers"])
    node, address = dig(pod, "spec.nodeName") or "<none>", dig(pod, "status.podIP") or "<none>"
    return [name_of(pod), f"{ready}/{total}", _pod_status(pod), restarts, _age(pod), address, node]


def _pod_status(pod: Object) -> str:
    reason: str = dig(pod, "status.reason") or dig(pod, "status.phase") or "Unknown"
    inits = dig(pod, "status.initContainerStatuses") or []
    for index, status in enumerate(inits):
        state = status.get("state") or {}
        terminated, waiting = state.get("terminated"), state.get("waiting")
        if terminated and terminated.get("exitCode") == 0:
            continue
        if terminated:
            return f"Init:{terminated.get('reason') or 'Error'}"
        said = (waiting or {}).get("reason")
        return f"Init:{said}" if said not in {None, "", "PodInitializing"} else f"Init:{index}/{len(inits)}"
    for status in reversed(dig(pod, "status.containerStatuses") or []):
        state = status.get("state") or {}
        said = (state.get("waiting") or {}).get("reason") or (state.get("terminated") or {}).get("reason")
        reason = said or reason
    if dig(pod, "metadata.deletionTimestamp"):
        return "Terminating"
    return reason


def _job(job: Object) -> list[Json]:
    status = job.get("status") or {}
    kinds = {entry["type"] for entry in status.get("conditions") or [] if entry["status"] == "True"}
    said = next((kind for kind in ("Complete", "Failed", "Suspended") if kind in kinds), "Running")
    spent = "<none>"
    if start := status.get("startTime"):
        end = status.get("completionTime")
        spent = duration((parse_time(end) - parse_time(start)).total_seconds() if end else seconds_since(start))
    return [name_of(job), said, f"{status.get('succeeded', 0)}/{job['spec']['completions']}", spent, _age(job)]


def _event(event: Object) -> list[Json]:
    about = event.get("involvedObject") or {}
    last = event.get("lastTimestamp") or event.get("eventTime") or dig(event, "metadata.creationTimestamp")
    thing = f"{(about.get('kind') or '').lower()}/{about.get('name')}"
    return [
        duration(seconds_since(last)),
        event.get("type"),
        event.get("reason"),
        thing,
        event.get("message", "").strip(),
    ]


def _deployment(deployment: Object) -> list[Json]:
    wanted, status = dig(deployment, "spec.replicas"), deployment.get("status") or {}
    ready = f"{status.get('readyReplicas', 0)}/{wanted}"
    available = status.get("availableReplicas", 0)
    return [name_of(deployment), ready, status.get("updatedReplicas", 0), available, _age(deployment)]


def _replica_set(entry: Object) -> list[Json]:
    counts = [dig(entry, path) or 0 for path in ("spec.replicas", "status.replicas", "status.readyReplicas")]
    return [name_of(entry), *counts, _age(entry)]


def _endpoints(entry: Object) -> list[Json]:
    found = [
        f"{address['ip']}:{port['port']}"
        for subset in entry.get("subsets") or []
        for address in subset.get("addresses") or []
        for port in subset.get("ports") or []
    ]
    return [name_of(entry), ",".join(found) or "<none>", _age(entry)]


def _quota(quota: Object) -> list[Json]:
    hard, used = dig(quota, "status.hard") or {}, dig(quota, "status.used") or {}
    listed = {name: f"{name}: {used.get(name, '0')}/{amount}" for name, amount in sorted(hard.items())}
    limits = {name for name in listed if name.startswith("limits.")}
    requests = ", ".join(text for name, text in listed.items() if name not in limits)
    return [name_of(quota), requests, ", ".join(listed[name] for name in sorted(limits)), _age(quota)]


def _node(node: Object) -> list[Json]:
    conditions = dig(node, "status.conditions") or []
    ready = any(entry["type"] == "Ready" and entry["status"] == "True" for entry in conditions)
    said = ("Ready" if ready else "NotReady") + (",SchedulingDisabled" if dig(node, "spec.unschedulable") else "")
    return [name_of(node), said, "<none>", _age(node), dig(node, "status.nodeInfo.kubeletVersion")]


def _service(service: Object) -> list[Json]:
    spec = service["spec"]
    ports = ",".join(
        f"{port['port']}{':' + str(port['nodePort']) if port.get('nodePort') else ''}/{port.get('protocol', 'TCP')}"
        for port in spec.get("ports") or []
    )
    return [name_of(service), spec.get("type"), spec.get("clusterIP"), "<none>", ports or "<none>", _age(service)]


_PRINTERS: dict[str, tuple[list[str], Cells]] = {  # a plus marks a column of `-o wide`
    "pods": (["Name", "Ready", "Status", "Restarts", "Age", "+IP", "+Node"], _pod),
    "jobs": (["Name", "Status", "Completions", "Duration", "Age"], _job),
    "events": (["Last Seen", "Type", "Reason", "Object", "Message"], _event),
    "nodes": (["Name", "Status", "Roles", "Age", "Version"], _node),
    "services": (["Name", "Type", "Cluster-IP", "External-IP", "Port(s)", "Age"], _service),
    "endpoints": (["Name", "Endpoints", "Age"], _endpoints),
    "deployments": (["Name", "Ready", "Up-to-date", "Available", "Age"], _deployment),
    "replicasets": (["Name", "Desired", "Current", "Ready", "Age"], _replica_set),
    "resourcequotas": (["Name", "Request", "Limit", "Age"], _quota),
    "namespaces": (["Name", "Status", "Age"], lambda o: [name_of(o), dig(o, "status.phase"), _age(o)]),
    "configmaps": (["Name", "Data", "Age"], lambda o: [name_of(o), len(o.get("data") or {}), _age(o)]),
    "secrets": (
        ["Name", "Type", "Data", "Age"],
        lambda o: [name_of(o), o.get("type"), len(o.get("data") or {}), _age(o)],
    ),
    "persistentvolumeclaims": (
        ["Name", "Status", "Volume", "Capacity", "Access Modes", "StorageClass", "Age"],
        lambda o: [
            name_of(o),
            dig(o, "status.phase"),
            dig(o, "spec.volumeName") or "",
            dig(o, "status.capacity.storage") or "",
            ",".join(dig(o, "spec.accessModes") or []),
            dig(o, "spec.storageClassName") or "",
            _age(o),
        ],
    ),
    "customresourcedefinitions": (
        ["Name", "Created At"],
        lambda o: [name_of(o), dig(o, "metadata.creationTimestamp")],
    ),
}
