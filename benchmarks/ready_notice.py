"""How long after a service becomes Ready a deploy's wait notices it, on the sandbox's Kubernetes: `make bench-ready`.

The measurement plays KServe: it writes the Ready condition, and takes the time from just before the write to the
moment at which the wait has returned, so that the API's own work is in the figure.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

from k8s.cluster import Cluster, ReadyResult, ReadyWatch, connect
from k8s.cluster.connection import Connection, open_connection
from sandbox.layout import NAMESPACE
from sandbox.supervisor import Sandbox

TARGET_SECONDS = 1.0
WAIT_SECONDS = 60.0
KIND = "InferenceService"
API = "serving.kserve.io/v1beta1"


def service(name: str) -> dict[str, Any]:
    """Return an InferenceService that nobody but this measurement knows."""
    predictor = {"model": {"modelFormat": {"name": "vLLM"}}}
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": API, "kind": KIND, "metadata": metadata, "spec": {"predictor": predictor}}


def measure(cluster: Cluster, connection: Connection, *, name: str, pool: ThreadPoolExecutor) -> float:
    """Return the seconds from the write of Ready to the end of the wait for it."""
    applied = cluster.apply(service(name))
    waits = _wait(cluster, name=name, pool=pool)
    status = {
        "observedGeneration": applied["metadata"]["generation"],
        "url": "http://measured.example",
        "conditions": [{"type": "Ready", "status": "True"}],
    }
    path = f"/apis/{API}/namespaces/{NAMESPACE}/inferenceservices/{name}/status"
    ended: list[float] = []
    waits.add_done_callback(lambda _: ended.append(time.monotonic()))
    written = time.monotonic()
    connection.request("PATCH", path, body={"status": status}, content="application/merge-patch+json")
    waits.result(WAIT_SECONDS)
    return ended[0] - written


def _wait(cluster: Cluster, *, name: str, pool: ThreadPoolExecutor) -> Future[ReadyResult]:
    """Begin to wait as the flow does; the watches are open when this returns."""
    under_way = threading.Event()

    def told(sentence: str) -> None:
        if "has not answered" not in sentence:
            under_way.set()

    watch = ReadyWatch(timeout_seconds=WAIT_SECONDS, on_progress=told)
    waits = pool.submit(cluster.wait_ready, KIND, name, namespace=NAMESPACE, watch=watch)
    if not under_way.wait(WAIT_SECONDS):
        raise SystemExit(f"the wait for {name} did not begin in {WAIT_SECONDS:.0f} s")
    return waits


def main() -> None:
    """Measure and print the figures beside their target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as place,
        Sandbox(Path(place, "state"), services=("kube",), provision=("cluster",)) as sandbox,
        ThreadPoolExecutor(max_workers=1) as pool,
    ):
        os.environ["KUBECONFIG"] = sandbox.environment()["KUBECONFIG"]
        cluster, connection = connect(), open_connection()
        seconds = [measure(cluster, connection, name=f"measured-{turn}", pool=pool) for turn in range(asked.runs)]
    print(f"Ready noticed, seconds after it was written; {asked.runs} runs on {os.cpu_count()} cores")
    print(f"{'median':>8}{'slowest':>10}{'target':>10}")
    verdict = "met" if max(seconds) < TARGET_SECONDS else "MISSED"
    print(f"{median(seconds):8.3f}{max(seconds):10.3f}{f'< {TARGET_SECONDS:g}':>10}  {verdict}")


if __name__ == "__main__":
    main()
