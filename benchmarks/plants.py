"""Regressions to plant in a replica's service: a slower engine, and weights that were damaged; each is undone again."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from deployments.settings import settings
from deployments.spec import ModelSpec
from k8s.cluster import ReadyWatch, connect
from sandbox import damage
from sandbox.layout import Layout

NOISE = 0.5
SERVICE, POD_LABEL = "InferenceService", "serving.kserve.io/inferenceservice"
_API = "serving.kserve.io/v1beta1"
_SECONDS = 300.0


@contextmanager
def one_sequence_at_a_time(spec: ModelSpec) -> Iterator[None]:
    """Edit the service's arguments by hand, as somebody in a hurry does: batches of one.

    It is the plainest way to lose throughput at 4 in flight: nothing else of the engine changes.
    """
    name, space = spec.serving.inference_service, settings().namespace
    service = connect().get(_API, SERVICE, name, namespace=space)
    if service is None:
        raise SystemExit(f"{space}/{name} is not there: prefect deployment run deploy/{spec.key} --watch")
    arguments = service["spec"]["predictor"]["model"]["args"]
    slow = ["--max-num-seqs=1" if word.startswith("--max-num-seqs=") else word for word in arguments]
    _patch(name, space, slow)
    try:
        yield
    finally:
        _patch(name, space, arguments)


@contextmanager
def damaged_weights(spec: ModelSpec, *, at: Layout) -> Iterator[None]:
    """Move the served version's weights by noise, under their own names and manifest, and serve them anew."""
    damage.rewrite(at, replica=spec.key, prefix=spec.prefix, noise=NOISE)
    try:
        restart(spec)
        yield
    finally:
        damage.rewrite(at, replica=spec.key, prefix=spec.prefix, noise=None)
        restart(spec)


def restart(spec: ModelSpec) -> None:
    """Delete the service's pods, so that new ones read the weights again, and wait until it serves."""
    name, space, cluster = spec.serving.inference_service, settings().namespace, connect()
    for pod in cluster.objects("v1", "Pod", namespace=space, labels=f"{POD_LABEL}={name}"):
        cluster.delete_and_wait("v1", "Pod", pod["metadata"]["name"], namespace=space, timeout_seconds=_SECONDS)
    cluster.wait_ready(SERVICE, name, namespace=space, watch=ReadyWatch(timeout_seconds=_SECONDS))


def _patch(name: str, space: str, arguments: list[Any]) -> None:
    patch = json.dumps({"spec": {"predictor": {"model": {"args": arguments}}}})
    command = ["kubectl", "patch", "inferenceservice", name, f"--namespace={space}", "--type=merge", f"--patch={patch}"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    connect().wait_ready(SERVICE, name, namespace=space, watch=ReadyWatch(timeout_seconds=_SECONDS))
