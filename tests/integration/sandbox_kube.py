"""Starts, kills and restarts the sandbox's Kubernetes for tests."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import kubernetes

from tests.integration.ports import free_port

Json = dict[str, Any]
PATIENCE = 120
"""Seconds that anything may take, however busy the machine is."""
Client: TypeAlias = Any  # the official client publishes no types


class Server:
    """One API server over one folder; it can be started again on the same state."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.images, self.kubeconfig = folder / "images.json", folder / "kubeconfig"
        self.map_images({"sh": {}})
        self.command = [sys.executable, "-m", "sandbox.kube", "--state", str(folder / "state")]
        self.process: subprocess.Popen[str] | None = None

    def map_images(self, images: Json) -> None:
        """Write the image map."""
        self.images.write_text(json.dumps({"images": images}))

    def run_command(self, *options: str) -> None:
        """Run a command of the server on its state, to its end."""
        subprocess.run([*self.command, *options], check=True, timeout=PATIENCE)

    def start(self, *more: str) -> None:
        """Start and wait until it serves."""
        command = [*self.command, "--port", str(self.port), "--images", str(self.images)]
        command += ["--kubeconfig", str(self.kubeconfig), *more]
        log = (self.folder / "log").open("w")
        read, write = os.pipe()
        self.process = subprocess.Popen(
            [*command, "--ready-fd", str(write)], stdout=log, stderr=log, pass_fds=[write], text=True
        )
        os.close(write)
        assert select.select([read], [], [], PATIENCE)[0], (self.folder / "log").read_text()
        ready = os.read(read, 1)
        os.close(read)
        assert ready, (self.folder / "log").read_text()

    def stop(self) -> None:
        """Stop as the supervisor does."""
        assert self.process is not None
        self.process.terminate()
        assert self.process.wait(PATIENCE) == 0

    def kill(self) -> None:
        """Kill without a chance to clean up."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def client(self) -> Client:
        """Return an official client."""
        return kubernetes.config.new_client_from_config(str(self.kubeconfig))


@contextmanager
def serving(folder: Path, *more: str) -> Iterator[Server]:
    """Serve a cluster until the block is left."""
    server = Server(folder)
    server.start(*more)
    try:
        yield server
    finally:
        if server.process is not None and server.process.poll() is None:
            server.stop()


def pod(name: str, script: str, *, container: Json | None = None, **spec: object) -> Json:
    """Return a pod of one container that runs a shell script once."""
    main = {"name": "main", "image": "sh", "command": ["sh", "-c", script], **(container or {})}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"restartPolicy": "Never", "containers": [main], **spec},
    }


class Pods:
    """Runs pods and waits for what they become, by watching."""

    def __init__(self, client: Client, namespace: str = "default") -> None:
        self.core, self.namespace = kubernetes.client.CoreV1Api(client), namespace

    def create(self, manifest: Json) -> None:
        """Create a pod."""
        self.core.create_namespaced_pod(self.namespace, manifest)

    def until(self, name: str, wanted: Callable[[Json], bool], *, seconds: int = PATIENCE) -> Json:
        """Return the pod once it is as wanted."""
        watch = kubernetes.watch.Watch()
        seen: Json = {}
        for event in watch.stream(
            self.core.list_namespaced_pod,
            self.namespace,
            field_selector=f"metadata.name={name}",
            timeout_seconds=seconds,
        ):
            seen = event["raw_object"]
            if wanted(seen):
                watch.stop()
                return seen
        raise AssertionError(f"{name} stayed {json.dumps(seen.get('status'), indent=1)}")

    def run(self, manifest: Json) -> Json:
        """Create a pod and return it when it has ended."""
        self.create(manifest)
        return self.until(manifest["metadata"]["name"], lambda pod: pod["status"]["phase"] in {"Succeeded", "Failed"})

    def log(self, name: str, **options: object) -> str:
        """Return a pod's log."""
        return str(self.core.read_namespaced_pod_log(name, self.namespace, **options))


def gone(check: Callable[[], bool], *, seconds: float = PATIENCE) -> bool:
    """Wait until a check holds; for what has no event, such as a process in /proc."""
    deadline = time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
