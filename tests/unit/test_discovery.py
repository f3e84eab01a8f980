"""What a service computes on, read from its pods and their nodes."""

from __future__ import annotations

from typing import Any

import pytest

from flows.check_model.discovery import hardware_of
from flows.check_model.measurement import Hardware

READY = {"type": "Ready", "status": "True"}


def pod(*, gpus: int) -> dict[str, Any]:
    """A ready pod of the engine with so many GPUs."""
    limits = {"nvidia.com/gpu": str(gpus)} if gpus else {}
    return {
        "metadata": {"name": "p", "namespace": "n"},
        "spec": {"nodeName": "node", "containers": [{"name": "kserve-container", "resources": {"limits": limits}}]},
        "status": {"conditions": [READY], "containerStatuses": []},
    }


def node(**labels: str) -> dict[str, Any]:
    """A node with these labels."""
    return {"metadata": {"labels": labels}}


@pytest.mark.parametrize(
    ("gpus", "labels", "wanted"),
    [
        (0, {}, Hardware(product="cpu", count=0)),
        (4, {"nvidia.com/gpu.product": "NVIDIA-L4"}, Hardware(product="NVIDIA-L4", count=4)),
        (1, {}, Hardware(product="unknown", count=1)),
    ],
)
def test_hardware_is_read_from_what_runs(gpus: int, labels: dict[str, str], wanted: Hardware) -> None:
    """A declared GPU would stand in the conditions where another one computed."""
    assert hardware_of([pod(gpus=gpus)], nodes=[node(**labels)]) == wanted
