"""A wait for readiness while the API server goes away and comes back."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from k8s.cluster import ReadyResult, ReadyWatch, connect
from k8s.errors import ClusterUnavailableError
from tests.integration.ports import free_port

Json = dict[str, Any]
OUTAGE_SECONDS = 3.0


class _Server:
    """A sandbox's Kubernetes that can be killed and started again at its address."""

    def __init__(self, folder: Path) -> None:
        (folder / "images.json").write_text(json.dumps({"images": {"test/shell": {}}}))
        self.kubeconfig = folder / "kubeconfig"
        self._state = folder / "state"
        self._command = [sys.executable, "-m", "sandbox.kube", "--state", self._state, "--port", str(free_port())]
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

    def end_leftovers(self) -> None:
        """End the pods that a killed server left running."""
        command = [sys.executable, "-m", "sandbox.kube", "--state", self._state, "--end-leftovers"]
        subprocess.run(command, check=True, capture_output=True)


@contextmanager
def _serving(folder: Path) -> Iterator[_Server]:
    server = _Server(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()
        server.end_leftovers()


def _deployment(opened: Path) -> Json:
    """A Deployment whose only pod runs at once, and is ready when the file is there."""
    container = {
        "name": "web",
        "image": "test/shell:1",
        "command": ["sleep", "600"],
        "readinessProbe": {"exec": {"command": ["test", "-e", str(opened)]}, "periodSeconds": 1},
    }
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


@contextmanager
def _waiting(opened: Path, *, outage_seconds: float) -> Iterator[Future[ReadyResult]]:
    """Wait for the Deployment in a thread; the block begins when the wait has seen its pod run."""
    cluster = connect()
    cluster.apply(_deployment(opened))
    seen = threading.Event()
    watch = ReadyWatch(
        timeout_seconds=120,
        outage_seconds=outage_seconds,
        on_progress=lambda line: seen.set() if "is not ready yet" in line else None,
    )
    with ThreadPoolExecutor() as pool:
        waits = pool.submit(cluster.wait_ready, "Deployment", "web", namespace="default", watch=watch)
        assert seen.wait(60)
        yield waits


def test_an_api_that_is_away_for_a_while_does_not_end_the_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A control plane's upgrade takes seconds to a minute; a deployment that loads 47 GB takes longer."""
    opened = tmp_path / "opened"
    with _serving(tmp_path) as server:
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig))
        with _waiting(opened, outage_seconds=60) as waits:
            server.kill()
            time.sleep(OUTAGE_SECONDS)  # the outage itself
            assert not waits.done()
            server.start()
            opened.touch()
            result = waits.result(60)
    assert result.thing["kind"] == "Deployment"
    assert result.seconds > OUTAGE_SECONDS


def test_an_api_that_stays_away_is_given_up_as_transient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deploy would take the outage for the service's failure, and replace a model that loads well."""
    with _serving(tmp_path) as server:
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig))
        with _waiting(tmp_path / "opened", outage_seconds=1) as waits:
            server.kill()
            with pytest.raises(ClusterUnavailableError) as caught:
                waits.result(60)
    assert caught.value.transient
