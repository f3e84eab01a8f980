"""In place of KServe on a real cluster: the sandbox's controller, the platform's ServingRuntime, a stand-in engine."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from k8s.cluster import Cluster
from k8s.manifests.kserve_storage import S3Address, open_values, service_account, storage_secret
from k8s.manifests.serving_runtime import serving_runtime
from tests.cluster.machine.layout import HOST, PROJECT
from tests.cluster.orchestra import Orchestra


@contextmanager
def serving(cluster: Cluster, stage: Orchestra, *, log: Path) -> Iterator[None]:
    """Let InferenceServices of the stage's namespace be served until the block is left.

    Args:
        cluster: as its administrator.
        stage: whose weights are served.
        log: the controller's.
    """
    held = stage.sandbox.layout.secrets
    address = S3Address(endpoint=stage.variables["AWS_ENDPOINT_URL"])
    keys = {"AWS_ACCESS_KEY_ID": held.s3_reader_access_key, "AWS_SECRET_ACCESS_KEY": held.s3_reader_secret_key}
    values = {name: base64.b64encode(value.encode()).decode() for name, value in (keys | open_values(address)).items()}
    for thing in (
        service_account(address, namespace=stage.namespace),
        {**storage_secret(address, namespace=stage.namespace), "data": values},
        # The engine of the platform's own image never serves here: each service has the image that its import built.
        serving_runtime(namespace=stage.namespace, image=stage.stand_ins, slowest_load_seconds=60),
    ):
        cluster.apply(thing, force=True)
    command = [sys.executable, "-m", "sandbox.kserve", "--kubeconfig", os.environ["KUBECONFIG"]]
    command += ["--storage-initializer-image", stage.stand_ins, "--node-address", HOST]
    with log.open("w") as sink, subprocess.Popen(command, cwd=PROJECT, stdout=sink, stderr=sink) as controller:
        try:
            yield
        finally:
            controller.terminate()
