"""Where a pod that needs no GPU would rather run: pure."""

from __future__ import annotations

from typing import Any

GPU_LABEL = "nvidia.com/gpu.present"
"""The label that NVIDIA's feature discovery gives to a node with a GPU."""


def away_from_gpus() -> dict[str, Any]:
    """Return the field of a pod's spec that sends it to a node without a GPU, where there is one.

    A build or an evaluation on a GPU node takes the cores and the disk of the model that is served there. It is a
    wish and no rule: a cluster may have GPU nodes only.
    """
    rule = {"matchExpressions": [{"key": GPU_LABEL, "operator": "DoesNotExist"}]}
    wish = {"weight": 100, "preference": rule}
    return {"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [wish]}}}
