"""The nodes that this machine stands for; what they have is declared, not measured."""

import json
import platform
from pathlib import Path

from sandbox.kube.objects import Object, dig, now

_CAPACITY = {"cpu": "16", "memory": "64Gi", "ephemeral-storage": "100Gi", "pods": "110"}
_RUNTIME = "process://1"
VERSION = "v1.32.0"


def read_nodes(path: Path | None) -> list[Object]:
    """Return the nodes of a JSON file, a list of `{"name", "labels", "taints", "capacity"}`; or just one."""
    entries = [{"name": "sandbox"}] if path is None else json.loads(path.read_text())
    return [_node(entry) for entry in entries]


def is_local(node: Object) -> bool:
    """Tell whether a kubelet of this kind registered the node, perhaps with an earlier file."""
    return bool(dig(node, "status.nodeInfo.containerRuntimeVersion") == _RUNTIME)


def _node(entry: Object) -> Object:
    name, stamp = entry["name"], now()
    architecture = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    labels = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": architecture,
        **(entry.get("labels") or {}),
    }
    capacity = {**_CAPACITY, **(entry.get("capacity") or {})}
    condition = {
        "type": "Ready",
        "status": "True",
        "reason": "KubeletReady",
        "message": "kubelet is posting ready status",
        "lastHeartbeatTime": stamp,
        "lastTransitionTime": stamp,
    }
    info = {
        "kubeletVersion": f"{VERSION}+slipway-sandbox",
        "operatingSystem": "linux",
        "architecture": architecture,
        "kernelVersion": platform.release(),
        "osImage": "local processes",
        "containerRuntimeVersion": _RUNTIME,
        "machineID": "",
        "systemUUID": "",
        "bootID": "",
        "kubeProxyVersion": "",
    }
    addresses = [{"type": "InternalIP", "address": "127.0.0.1"}, {"type": "Hostname", "address": name}]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "spec": {"taints": entry.get("taints") or []},
        "status": {
            "capacity": capacity,
            "allocatable": capacity,
            "conditions": [condition],
            "addresses": addresses,
            "nodeInfo": info,
        },
    }
