"""What we ask of KServe, against its definitions as a real API server enforces them."""

from __future__ import annotations

import pytest

from deployments.catalog import keys
from k8s.cluster import Cluster
from k8s.errors import UnknownKindError
from k8s.manifests.inference_service import inference_service
from k8s.manifests.serving_runtime import serving_runtime
from tests.cluster.pods import Json
from tests.golden.regenerate import BASE_IMAGE, INPUTS, model


def _apply(cluster: Cluster, manifest: Json, *, namespace: str) -> Json:
    moved = {**manifest, "metadata": {**manifest["metadata"], "namespace": namespace}}
    try:
        cluster.apply(moved)
        return cluster.apply(moved)
    except UnknownKindError:
        pytest.skip("this cluster has no KServe definitions: see SLIPWAY_KSERVE_CRDS in tests/cluster/README.md")


@pytest.mark.parametrize("key", keys())
def test_an_inference_service_keeps_every_field(cluster: Cluster, namespace: str, key: str) -> None:
    """A field that KServe's definition does not know is dropped without a word, and the pod runs without it."""
    wanted = inference_service(model(key), INPUTS)
    held = _apply(cluster, wanted, namespace=namespace)
    assert _kept(wanted["spec"], held["spec"])


def test_a_serving_runtime_keeps_every_field(cluster: Cluster, namespace: str) -> None:
    """The same for the engine's container, its probes and its arguments."""
    wanted = serving_runtime(namespace=namespace, image=BASE_IMAGE, slowest_load_seconds=360)
    held = _apply(cluster, wanted, namespace=namespace)
    assert _kept(wanted["spec"], held["spec"])


def _kept(wanted: object, held: object) -> bool:
    """Whether all of a value is in another, which may hold more, such as defaults."""
    if isinstance(wanted, dict) and isinstance(held, dict):
        return all(key in held and _kept(value, held[key]) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(held, list):
        return len(wanted) == len(held) and all(map(_kept, wanted, held))
    return wanted == held
