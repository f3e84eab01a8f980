"""Regressions to plant in a replica's service: a slower engine, and weights that were damaged; each is undone again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.throttle import throttled
from deployments.settings import settings
from deployments.spec import ModelSpec
from k8s.cluster import ReadyWatch, connect
from sandbox import damage
from sandbox.layout import Layout

NOISE, SHARE = 0.5, 0.1
SERVICE, POD_LABEL = "InferenceService", "serving.kserve.io/inferenceservice"
_SECONDS = 300.0


@contextmanager
def slower_engine(spec: ModelSpec) -> Iterator[None]:
    """Let the service's engine run a tenth of the time, as on a node whose other tenants take the rest."""
    with throttled(f"--served-model-name={spec.serving.inference_service}", share=SHARE):
        yield


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
