"""The nodes that the sandbox's cluster pretends to have: one for everything, and the two that the catalog asks for."""

from __future__ import annotations

import json
from typing import Any

from sandbox.layout import Layout

_TAINT = {"key": "nvidia.com/gpu", "value": "", "effect": "NoSchedule"}


def write(at: Layout) -> None:
    """Write the file that the kubelet reads when it starts."""
    at.nodes.write_text(json.dumps(nodes(), indent=1) + "\n", encoding="utf-8")


def nodes() -> list[dict[str, Any]]:
    """The nodes; what a g6 instance has is as its vendor says."""
    return [
        {"name": "sandbox"},
        _gpu_node("g6-4xlarge", cpu=16, memory_gib=64, gpus=1),
        _gpu_node("g6-12xlarge", cpu=48, memory_gib=192, gpus=4),
    ]


def _gpu_node(name: str, *, cpu: int, memory_gib: int, gpus: int) -> dict[str, Any]:
    return {
        "name": name,
        "labels": {
            "node.kubernetes.io/instance-type": name.replace("-", "."),
            "nvidia.com/gpu.present": "true",
            "nvidia.com/gpu.product": "NVIDIA-L4",
            "nvidia.com/gpu.count": str(gpus),
            "nvidia.com/gpu.memory": "23034",
        },
        "taints": [_TAINT],
        "capacity": {"cpu": str(cpu), "memory": f"{memory_gib}Gi", "nvidia.com/gpu": str(gpus)},
    }
