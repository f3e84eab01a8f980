"""Imports and a deploy on a real cluster, all of Prefect in it: pods, rights, interruptions, the image that serves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from blocks.image_registry import ImageRegistry
from k8s.cluster import Cluster
from k8s.manifests.build_job import CAPABILITIES
from k8s.manifests.build_job import SERVICE_ACCOUNT as BUILDER
from sandbox import buckets
from tests.cluster.kserve import serving
from tests.cluster.orchestra import Orchestra, orchestra
from tests.cluster.pods import Json, new_namespace
from tests.cluster.surroundings import Surroundings
from tests.cluster.witness import Witness
from tests.contract.pod_security import violations

pytestmark = pytest.mark.timeout(1800)
_FLOWS = "slipway-flows"
_SECONDS = "400"


@pytest.fixture(scope="module")
def stage(
    cluster: Cluster, surroundings: Surroundings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Orchestra]:
    """One platform for all tests of this file."""
    if surroundings.made_by is None:
        pytest.skip("the servers of this test are reached at the bridge of `make cluster`")
    folder = tmp_path_factory.mktemp("stage")
    with (
        new_namespace(cluster) as namespace,
        orchestra(cluster, namespace=namespace, folder=folder, at=surroundings, made_by=surroundings.made_by) as made,
    ):
        yield made


@pytest.fixture(scope="module")
def witness(stage: Orchestra) -> Iterator[Witness]:
    """Who saw all pods of all tests of this file."""
    with Witness(stage.namespace, accounts={_FLOWS, BUILDER}) as seen:
        yield seen


@pytest.fixture(scope="module")
def receipt(stage: Orchestra, witness: Witness) -> Json:  # noqa: ARG001 - it must look before the first pod comes
    """The receipt of an import of the quantized replica, as a person would start it."""
    run = ("prefect", "deployment", "run", "import/quantized", "--watch", "--watch-timeout", _SECONDS)
    stage.python(*run)
    at = stage.sandbox.layout
    keys = [key for key, _ in buckets.objects(at, prefix="receipts/")]
    assert len(keys) == 1, keys
    found: Json = json.loads(buckets.read(at, keys[0]))
    return found


def test_an_import_runs_as_pods_and_its_image_is_in_the_registry(
    stage: Orchestra, receipt: Json, witness: Witness, surroundings: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What runs in the sandbox must run on a cluster without a changed line; a person must see it with kubectl."""
    user, word = surroundings.login()
    monkeypatch.setenv("QUAY_USERNAME", user)
    monkeypatch.setenv("QUAY_PASSWORD", word)
    registry = ImageRegistry(repository=stage.repository, ca_bundle=str(surroundings.ca_bundle)).client()
    repository, _, digest = receipt["runtime_image"].partition("@")
    assert repository == stage.repository.removeprefix("docker://")
    assert registry.pull_reference(digest) == receipt["runtime_image"]
    for account in (_FLOWS, BUILDER):
        assert witness.of(account)[0]["metadata"]["name"] in witness.listing
    assert "prefect-worker" in witness.listing


def test_an_import_whose_pod_is_deleted_completes(stage: Orchestra, witness: Witness) -> None:
    """A node that goes away takes the flow's pod with it; nobody gets up at night to start the import again."""
    at, prefix = stage.sandbox.layout, "Mistral-Small-24B-Instruct/full-fp16/"
    with stage.relay.holding(at.ports["hub-cdn"]) as asked:
        before = len(witness.of(_FLOWS))
        run = stage.begin("import/full")
        assert asked.wait(200), "no pod asked for weights"
        (pod,) = witness.of(_FLOWS)[before:]
        stage.kubectl("delete", "pod", pod["metadata"]["name"], "--grace-period=0", "--force")
        written = [key for key, _ in buckets.objects(at, prefix=prefix)]
        assert not [key for key in written if key.endswith((".safetensors", "manifest.json"))]
    stage.await_state(run, "COMPLETED")
    assert f"{prefix}manifest.json" in [key for key, _ in buckets.objects(at, prefix=prefix)]
    # Where a deleted pod is no failure of its Job, as in 1.20, the Job and the automation both begin again: the lease
    # on the version lets one of them work at a time.
    assert len(witness.of(_FLOWS)) >= before + 2


def test_an_import_goes_on_while_the_worker_is_restarted(stage: Orchestra, witness: Witness) -> None:
    """Updating the worker must not cost the imports that run."""
    with stage.relay.holding(stage.sandbox.layout.ports["hub-cdn"]) as asked:
        before = len(witness.of(_FLOWS))
        run = stage.begin("import/smollm2")
        assert asked.wait(200), "no pod asked for weights"
        stage.kubectl("rollout", "restart", "deployment/prefect-worker")
        stage.kubectl("rollout", "status", "deployment/prefect-worker", "--timeout=240s")
    assert stage.await_state(run, "COMPLETED")["run_count"] == 1
    assert len(witness.of(_FLOWS)) == before + 1


def test_a_served_pod_runs_the_image_that_its_import_built(
    stage: Orchestra, receipt: Json, cluster: Cluster, tmp_path: Path
) -> None:
    """The earlier build's image was never served. vLLM is a stand-in here: this shows which image runs, no more."""
    with serving(cluster, stage, log=tmp_path / "kserve.log"):
        stage.python("prefect", "deployment", "run", "deploy/quantized", "--watch", "--watch-timeout", _SECONDS)
        (pod,) = cluster.objects(
            "v1",
            "Pod",
            namespace=stage.namespace,
            labels="serving.kserve.io/inferenceservice=mistral-24b-quantized",
        )
        stage.python("prefect", "deployment", "run", "remove/quantized", "--watch", "--watch-timeout", _SECONDS)
    (container,) = pod["status"]["containerStatuses"]
    assert container["imageID"] == receipt["runtime_image"]
    assert pod["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"


def test_no_pod_had_more_rights_than_its_role(
    receipt: Json,  # noqa: ARG001 - there must have been pods
    witness: Witness,
) -> None:
    """The build is the one exception to the restricted profile, with three capabilities and no token."""
    broken = {name: violations(pod) for name, pod in witness.pods.items()}
    builds = {pod["metadata"]["name"] for pod in witness.of(BUILDER)}
    assert {name for name, found in broken.items() if found} == builds
    for pod in witness.of(BUILDER):
        (container,) = pod["spec"]["containers"]
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"], "add": list(CAPABILITIES)}
        assert not container["securityContext"].get("privileged")
    with_token = {pod["spec"]["serviceAccountName"] for pod in witness.pods.values() if _has_token(pod)}
    assert with_token == {_FLOWS, "slipway-worker"}


def _has_token(pod: Json) -> bool:
    """Whether the API gave the pod its account's token."""
    where = "/var/run/secrets/kubernetes.io/serviceaccount"
    containers = [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]
    return any(mount["mountPath"] == where for each in containers for mount in each.get("volumeMounts", []))
