"""Starts the sandbox's Kubernetes for tests, on a free port, and stops it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.integration.ports import free_port

SHELL_IMAGE = "test/shell:1"
"""An image whose programs are this machine's."""
BARE_IMAGE = "test/bare:1"
"""An image with a shell and nothing else."""


@contextmanager
def kube_server(folder: Path) -> Iterator[Path]:
    """Serve an empty cluster with two images until the block is left; gives its kubeconfig."""
    (folder / "bin").mkdir(parents=True)
    images = {"test/shell": {}, "test/bare": {"path": [str(folder / "bin")]}}
    (folder / "images.json").write_text(json.dumps({"images": images}))
    kubeconfig = folder / "kubeconfig"
    command = [sys.executable, "-m", "sandbox.kube", "--state", folder / "state", "--port", str(free_port())]
    command += ["--images", folder / "images.json", "--kubeconfig", kubeconfig]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if "serving the Kubernetes API" in line:
                break
        else:
            raise RuntimeError("".join(said))
        # The pipe must be emptied, or the server blocks when it is full.
        threading.Thread(target=process.stderr.read, daemon=True).start()
        try:
            yield kubeconfig
        finally:
            process.terminate()
