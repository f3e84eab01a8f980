"""A wait for readiness while the API server goes away and comes back."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from k8s.cluster import ReadyWatch, connect
from k8s.cluster.connection import open_connection
from k8s.errors import ClusterUnavailableError

Json = dict[str, Any]
OUTAGE_SECONDS = 3.0
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"


class _Server:
    """A sandbox's Kubernetes that can be killed and started again at its address."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        (folder / "images.json").write_text(json.dumps({"images": {}}))
        self.kubeconfig = folder / "kubeconfig"
        self._command = [sys.executable, "-m", "sandbox.kube", "--state", folder / "state", "--port", str(port)]
        self._command += ["--images", folder / "images.json", "--kubeconfig", self.kubeconfig]
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        assert self._process.stderr is not None
        assert any("serving the Kubernetes API" in line for line in self._process.stderr)
        threading.Thread(target=self._process.stderr.read, daemon=True).start()

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        assert self._process.stderr is not None


@contextmanager
def _serving(folder: Path) -> Iterator[_Server]:
    server = _Server(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def _deployment() -> Json:
    container = {"name": "web", "image": "test/none:1"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}},
        },
    }


def _roll_out(deployment: Json) -> None:
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), 1)
    status = {"observedGeneration": deployment["metadata"]["generation"], **counts}
    merge = "application/merge-patch+json"
    open_connection().request("PATCH", f"{DEPLOYMENTS}/web/status", body={"status": status}, content=merge)


def test_an_api_that_is_away_for_a_while_does_not_end_the_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A control plane's upgrade takes seconds to a minute; a deployment that loads 47 GB takes longer."""
    with _serving(tmp_path) as server, ThreadPoolExecutor() as pool:
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig))
        cluster = connect()
        deployment = cluster.apply(_deployment())
        begun = threading.Event()
        watch = ReadyWatch(timeout_seconds=60, on_progress=lambda line: begun.set() if "no pod" in line else None)
        waits = pool.submit(cluster.wait_ready, "Deployment", "web", namespace="default", watch=watch)
        assert begun.wait(20)
        server.kill()
        time.sleep(OUTAGE_SECONDS)  # the outage itself
        assert not waits.done()
        server.start()
        _roll_out(deployment)
        result = waits.result(30)
    assert result.thing["kind"] == "Deployment"
    assert result.seconds > OUTAGE_SECONDS


def test_an_api_that_stays_away_is_given_up_as_transient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The task is retried later; the service itself may be well."""
    with _serving(tmp_path) as server, ThreadPoolExecutor() as pool:
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig))
        cluster = connect()
        cluster.apply(_deployment())
        begun = threading.Event()
        watch = ReadyWatch(
            timeout_seconds=60,
            outage_seconds=1.0,
            on_progress=lambda line: begun.set() if "no pod" in line else None,
        )
        waits = pool.submit(cluster.wait_ready, "Deployment", "web", namespace="default", watch=watch)
        assert begun.wait(20)
        server.kill()
        with pytest.raises(ClusterUnavailableError) as caught:
            waits.result(30)
    assert caught.value.transient
