"""The sandbox's Kubernetes, set up as the test cluster is: the same node, GPUs and a small image."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.machine import node
from tests.cluster.surroundings import Surroundings
from tests.integration.sandbox_kube import serving

_IMAGE = "test/base:1"


@contextmanager
def sandbox_kubernetes(folder: Path) -> Iterator[Path]:
    """Serve it until the block is left; gives its kubeconfig."""
    nodes = folder / "nodes.json"
    nodes.write_text(
        json.dumps([{"name": "l4", "labels": node.LABELS, "capacity": {"nvidia.com/gpu": str(node.GPUS)}}])
    )
    with serving(folder, "--nodes", str(nodes)) as server:
        server.map_images({_IMAGE: {}})
        yield server.kubeconfig


def sandbox_surroundings() -> Surroundings:
    """Its one image; there is no registry to push to."""
    return Surroundings(
        base=_IMAGE, repository="", docker_config="{}", ca_bundle=None, made_by=None, has_gpus=True, settled_after=1
    )
