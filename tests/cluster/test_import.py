"""An import on a real cluster: worker, flow pod and build pod, each with its own rights, and nothing privileged."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Self

import pytest

from blocks.image_registry import ImageRegistry
from k8s.cluster import Cluster
from k8s.cluster.connection import open_connection
from k8s.cluster.feed import Change
from k8s.cluster.watching import Source, watching
from sandbox import buckets
from tests.cluster.orchestra import REPOSITORY, Orchestra, orchestra
from tests.cluster.pods import Json
from tests.cluster.surroundings import Surroundings

_SECONDS = "400"


class _Witness:
    """Sees every pod of a namespace, also those that are gone when one asks."""

    def __init__(self, namespace: str) -> None:
        self._source = Source("pods", f"/api/v1/namespaces/{namespace}/pods", {})
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.pods: dict[str, Json] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _look(self) -> None:
        with watching(open_connection(), self._source) as feed:
            while not self._stopped.is_set():
                change = feed.next(seconds=0.5)
                if isinstance(change, Change):
                    self.pods |= {pod["metadata"]["name"]: pod for pod in change.objects}


def _receipt(stage: Orchestra) -> Json:
    at = stage.sandbox.layout
    keys = [key for key, _ in buckets.objects(at, prefix="receipts/")]
    assert len(keys) == 1, keys
    receipt: Json = json.loads(buckets.read(at, keys[0]))
    return receipt


def _roots(pod: Json) -> list[str]:
    """Names of containers that may be root, or are privileged."""
    general = pod["spec"].get("securityContext", {})
    return [
        container["name"]
        for container in pod["spec"]["containers"]
        if {**general, **container.get("securityContext", {})}.get("runAsNonRoot") is not True
        or container.get("securityContext", {}).get("privileged")
    ]


@pytest.mark.timeout(900)
def test_an_import_runs_as_pods_and_its_image_is_in_the_registry(
    cluster: Cluster,
    namespace: str,
    surroundings: Surroundings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What runs in the sandbox must run on a cluster without a changed line, with no more rights than its role's."""
    if surroundings.made_by is None:
        pytest.skip("the servers of this test are reached at the bridge of `make cluster`")
    stage_at = orchestra(cluster, namespace=namespace, folder=tmp_path, at=surroundings, made_by=surroundings.made_by)
    with stage_at as stage, stage.worker(), _Witness(namespace) as witness:
        run = ("prefect", "deployment", "run", "import/quantized", "--watch", "--watch-timeout", _SECONDS)
        stage.run(*run)
        receipt = _receipt(stage)
    user, word = surroundings.login()
    monkeypatch.setenv("QUAY_USERNAME", user)
    monkeypatch.setenv("QUAY_PASSWORD", word)
    repository, _, digest = receipt["runtime_image"].partition("@")
    registry = ImageRegistry(repository=REPOSITORY, ca_bundle=str(surroundings.ca_bundle)).client()
    assert repository == REPOSITORY.removeprefix("docker://")
    assert registry.pull_reference(digest) == receipt["runtime_image"]
    accounts = {pod["spec"]["serviceAccountName"]: _roots(pod) for pod in witness.pods.values()}
    assert accounts["slipway-flows"] == []
    # The build is the one exception to "not root"; an earlier test may have built the same image already.
    assert accounts.get("runtime-builder", ["buildah"]) == ["buildah"]
    privileged = [
        container.get("securityContext", {}).get("privileged")
        for pod in witness.pods.values()
        for container in pod["spec"]["containers"]
    ]
    assert not any(privileged)
