"""The sandbox's nodes and scheduler: GPUs that are declared, asked for, and missing."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.sandbox_kube import PATIENCE, Json, Pods, Server, pod, serving

GPU = {
    "name": "gpu",
    "labels": {"nvidia.com/gpu.product": "NVIDIA-L4"},
    "taints": [{"key": "nvidia.com/gpu", "effect": "NoSchedule"}],
    "capacity": {"nvidia.com/gpu": "1"},
}
ASKS = {"resources": {"limits": {"nvidia.com/gpu": "1"}}}
TOLERATES = [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serve a cluster of a plain node and one with a GPU."""
    folder = tmp_path_factory.mktemp("kube")
    nodes = folder / "nodes.json"
    nodes.write_text(json.dumps([{"name": "plain"}, GPU]))
    with serving(folder, "--nodes", str(nodes)) as server:
        yield server


def _scheduled(pod: Json) -> Json:
    conditions = pod["status"].get("conditions") or []
    return next((entry for entry in conditions if entry["type"] == "PodScheduled"), {})


def test_a_gpu_goes_to_one_pod_at_a_time(server: Server) -> None:
    """Two models on one GPU run out of memory only after minutes of loading."""
    pods = Pods(server.client())
    selects = {"nvidia.com/gpu.product": "NVIDIA-L4"}
    first = pod("first", "sleep 600", container=ASKS, tolerations=TOLERATES, nodeSelector=selects)
    first["spec"]["terminationGracePeriodSeconds"] = 0
    pods.create(first)
    running = pods.until("first", lambda pod: pod["status"]["phase"] == "Running")
    assert running["spec"]["nodeName"] == "gpu"
    pods.create(pod("second", "true", container=ASKS, tolerations=TOLERATES))
    waiting = pods.until("second", lambda pod: bool(_scheduled(pod)))
    assert _scheduled(waiting)["message"] == "0/2 nodes are available: 2 Insufficient nvidia.com/gpu."
    pods.core.delete_namespaced_pod("first", "default")
    pods.until("second", lambda pod: pod["status"]["phase"] == "Succeeded")


def test_a_taint_keeps_pods_away_that_do_not_tolerate_it(server: Server) -> None:
    """A test Job would take the GPU node's memory."""
    pods = Pods(server.client())
    pods.create(pod("plain", "true", nodeSelector={"nvidia.com/gpu.product": "NVIDIA-L4"}))
    told = _scheduled(pods.until("plain", lambda pod: bool(_scheduled(pod))))["message"]
    assert "1 node(s) had untolerated taint {nvidia.com/gpu: }" in told
    assert "1 node(s) didn't match Pod's node affinity/selector" in told


def test_a_second_server_on_the_same_state_is_refused(server: Server) -> None:
    """It would end the first one's containers as leftovers."""
    command = [*server.command, "--port", "1", "--images", str(server.images), "--kubeconfig", "/dev/null"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, "stop it first" in done.stderr) == (1, True)


def test_a_taken_port_is_told_in_one_sentence(server: Server, tmp_path: Path) -> None:
    """A traceback says nothing to who types `make demo`."""
    command = [*server.command[:-1], str(tmp_path), "--port", str(server.port), "--images", str(server.images)]
    command += ["--kubeconfig", str(tmp_path / "kubeconfig")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("give another --port.")
    assert "Traceback" not in done.stderr
