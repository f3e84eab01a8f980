"""The one node: an NVIDIA L4 machine to the scheduler, without the card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.cluster.machine import cgroups
from tests.cluster.machine.layout import HEALTH_PORTS, HOST, KUBELET_PORT, Layout
from tests.cluster.machine.settings import write_json

GPUS = 4
LABELS = {
    "nvidia.com/gpu.product": "NVIDIA-L4",
    "nvidia.com/gpu.present": "true",
    "node.kubernetes.io/instance-type": "g6.4xlarge",
}


def folder(layout: Layout) -> Path:
    """Where the kubelet keeps the pods' volumes."""
    return layout.root / "kubelet"


def write_settings(layout: Layout) -> Path:
    """Write the kubelet's configuration; return the file."""
    file = layout.settings / "kubelet.json"
    config: dict[str, Any] = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": HOST,
        "port": KUBELET_PORT,
        "readOnlyPort": 0,
        "healthzBindAddress": "127.0.0.1",
        "healthzPort": HEALTH_PORTS["kubelet"],
        "tlsCertFile": str(layout.pki / "kubelet-server.crt"),
        "tlsPrivateKeyFile": str(layout.pki / "kubelet-server.key"),
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(layout.authority)},
        },
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cgroups.NAME}",
        "failSwapOn": False,
        "enforceNodeAllocatable": [],
        "resolvConf": "",
        "serializeImagePulls": False,
        "containerLogMaxSize": "20Mi",
        # Another user of this machine may fill the disk: that must not evict pods under test, nor delete their images.
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1Gi", "imagefs.available": "1Gi"},
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
    }
    return write_json(file, config)


def gpu_patch() -> list[dict[str, str]]:
    """The JSON patch of the node's status that gives it GPUs; the kubelet keeps what it does not manage."""
    return [
        {"op": "add", "path": f"/status/{kind}/nvidia.com~1gpu", "value": str(GPUS)}
        for kind in ("capacity", "allocatable")
    ]
