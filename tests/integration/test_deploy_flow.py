"""The deploy and remove flows against a real store, a registry, Prefect and the sandbox's cluster with KServe.

A scripted engine stands in for vLLM: it reads the weights from where KServe puts them, and refuses arguments that it
does not know.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from prefect.artifacts import Artifact
from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL, PREFECT_API_URL

from blocks.lease import LeaseHeldError, held
from deployments.errors import InvalidCatalogError
from deployments.settings import settings
from flows.check_model.errors import ServedWeightsError
from flows.check_model.flow import check_model
from flows.deploy_model import tasks
from flows.deploy_model.__main__ import main as render
from flows.deploy_model.flow import deploy_model
from flows.deploy_model.history import ServedRecord, read_served, write_served
from flows.deploy_model.release import find_release
from flows.deploy_model.wanted import wanted_objects
from flows.preflight import PreflightError
from flows.remove_model.flow import remove_model
from k8s.cluster import Cluster, ReadyWatch
from k8s.cluster.connection import open_connection
from k8s.diagnosis import Category
from k8s.errors import ClusterUnavailableError, ConflictError, JobFailedError, NotReadyError
from k8s.manifests.volume import volume_claim
from tests.integration.deploy_world import (
    ENGINE_IMAGE,
    EVALUATION_IMAGE,
    FILES,
    NAMESPACE,
    World,
    opened,
    scripted_tools,
)
from tests.integration.s3_server import READER, Keys, S3Server
from tests.integration.stale_lease import hasten
from tests.integration.tcp_relay import Relay, relaying

SERVICE = "mistral-24b-quantized"
LEASE = f"leases/services/{NAMESPACE}/{SERVICE}.json"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, s3: S3Server) -> Iterator[World]:
    """One world for all tests of this file."""
    folder = tmp_path_factory.mktemp("deploy")
    with opened(folder, s3, **{EVALUATION_IMAGE: scripted_tools(folder, {"repeat-2": "killed"})}) as world:
        yield world


@pytest.fixture
def world(running: World) -> Iterator[World]:
    """The world with the quantized model imported; what a test deploys is taken down after it."""
    running.overlay_model()
    running.import_model()
    yield running
    running.overlay_model()
    running.keys_of_kserve(READER)
    if running.service():
        running.cluster.delete_and_wait(
            "serving.kserve.io/v1beta1", "InferenceService", SERVICE, namespace=NAMESPACE, timeout_seconds=60
        )
    store = running.s3.block().client()
    store.delete([entry.key for entry in (*store.list("services/"), *store.list("evidence/"))])


def arguments(world: World, *more: str) -> list[str]:
    """The engine's arguments, and more."""
    return [*world.spec().serving.vllm_args, *more]


@contextmanager
def holding(world: World, *, node: str, container: dict[str, object], **spec: object) -> Iterator[None]:
    """Let a stranger's pod run on a node for a while."""
    main = {"name": "main", "image": "sh", "command": ["sleep", "600"], **container}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "notebook", "namespace": NAMESPACE},
        "spec": {"nodeName": node, "terminationGracePeriodSeconds": 0, "containers": [main], **spec},
    }
    world.cluster.apply(pod)
    try:
        yield
    finally:
        world.cluster.delete_and_wait("v1", "Pod", "notebook", namespace=NAMESPACE, timeout_seconds=30)


@contextmanager
def reached_by_relay(world: World, patch: pytest.MonkeyPatch, folder: Path) -> Iterator[Relay]:
    """Let flows reach the cluster by a relay, which can be cut; whoever else uses it does not notice."""
    address = urlsplit(world.cluster.address)
    assert address.hostname
    assert address.port
    with relaying(host=address.hostname, port=address.port) as relay:
        kubeconfig = folder / "relayed"
        direct = Path(os.environ["KUBECONFIG"]).read_text()
        kubeconfig.write_text(direct.replace(f"127.0.0.1:{address.port}", f"127.0.0.1:{relay.port}"))
        patch.setenv("KUBECONFIG", str(kubeconfig))
        yield relay


@contextmanager
def refused_artifacts() -> Iterator[None]:
    """Let the Prefect server fail whoever makes or changes an artifact."""
    database = sqlite3.connect(str(PREFECT_API_DATABASE_CONNECTION_URL.value()).partition("///")[2], timeout=60)
    with closing(database):
        for change in ("INSERT", "UPDATE"):
            database.execute(
                # Without a key it is a state's own result, which nobody shows.
                f"CREATE TRIGGER refuse_{change} BEFORE {change} ON artifact WHEN NEW.key IS NOT NULL "
                "BEGIN SELECT RAISE(ABORT, 'refused'); END"
            )
        try:
            yield
        finally:
            for change in ("INSERT", "UPDATE"):
                database.execute(f"DROP TRIGGER refuse_{change}")


def note_served(world: World) -> ServedRecord:
    """Leave the record of a deploy of yesterday, of the model as it is now."""
    spec, store = world.spec(), world.s3.block()
    release = find_release(spec, registry=world.registry.client(), store=store.client())
    wanted = wanted_objects(spec, release, environment=settings(), bucket=store.bucket)
    served = ServedRecord(
        service=wanted.service,
        version=spec.version,
        manifest_sha256=release.manifest.digest(),
        flow_run_id="r",
        served="yesterday",
    )
    write_served(store.client(), served)
    return served


def report() -> str:
    """What people read of the last deploy that failed."""
    shown: Any = Artifact.get("failure-deploy-quantized")  # typed for sync and async callers at once
    assert shown
    return str(shown.data)


def test_a_registered_version_serves_is_recorded_and_is_deployed_once(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole way: a deploy that is green while nothing answers, or that restarts what serves."""
    receipt = deploy_model("quantized")
    assert (receipt.service, receipt.changed, receipt.completion) == (SERVICE, True, " Paris")
    recorded = world.version().properties
    assert recorded["inference_service_url"] == receipt.url
    assert recorded["inference_service_state"] == "serving"
    assert (recorded["gpu_memory_weights_gib"], recorded["kv_cache_tokens"]) == (13.1, "36032")
    assert recorded["runtime_image"] == recorded["serving_image"]
    assert f"receipts/{receipt.registered_model}/{receipt.version}/{receipt.flow_run_id}.json" in world.objects()
    served = read_served(world.s3.block().client(), namespace=NAMESPACE, service=SERVICE)
    assert served
    assert served.manifest_sha256 == receipt.manifest_sha256

    # `kubectl diff` once lied, because what was printed for it was typed by hand.
    capsys.readouterr()
    assert render(["render", "quantized", "--no-pod-monitor"]) == 0
    printed = capsys.readouterr().out
    diff = subprocess.run(["kubectl", "diff", "-f", "-"], input=printed, capture_output=True, text=True, check=False)
    assert (diff.returncode, diff.stdout) == (0, ""), diff.stderr

    pods = {pod["metadata"]["uid"] for pod in world.pods()}
    again = deploy_model("quantized")
    assert not again.changed
    assert {pod["metadata"]["uid"] for pod in world.pods()} == pods

    removal = remove_model("quantized")
    assert removal.sentence().startswith(f"{NAMESPACE}/{SERVICE} is taken down with 1 pod, 1 GPU freed")
    assert (world.service(), world.pods()) == (None, [])
    assert world.version().properties["inference_service_state"] == "removed"
    assert read_served(world.s3.block().client(), namespace=NAMESPACE, service=SERVICE) is None
    assert not remove_model("quantized").was_there


def test_a_killed_benchmark_ends_a_test_as_invalid_after_all_else_is_published(world: World) -> None:
    """One tool's failure lost the results of the others, and a run without numbers was green."""
    deploy_model("quantized")
    ended = check_model("quantized", return_state=True)
    assert (ended.type, ended.name) == ("FAILED", "Invalid")
    told = world.version().properties
    assert told["test_verdict"] == "invalid"
    assert "2 of 3 repeats were measured: cluster: Job" in str(told["test_sentence"])
    assert told["eval_arc_easy_questions"] == 100
    assert (told["bench_c4_repeats"], told["bench_r2_repeats"]) == (2, 1)
    prefix = f"test-results/{world.spec().prefix}{told['test_flow_run_id']}/"
    names = {key.removeprefix(prefix) for key in world.objects() if key.startswith(prefix)}
    assert {"result.json", "guidellm/repeat-2/problem.txt", "guidellm/repeat-3/report.html"} <= names

    again = check_model("quantized", from_run=UUID(str(told["test_flow_run_id"])), return_state=True)
    assert (again.name, again.message) == (ended.name, ended.message)


def test_failure_4_a_service_of_another_manifest_is_not_tested_under_the_registered_name(world: World) -> None:
    """Results of one model were written to another, which merely came first (docs/failures.md, row 4)."""
    served = deploy_model("quantized").manifest_sha256
    registered = world.import_model(commit="e" * 40).digest()
    before = world.objects(), world.version()
    with pytest.raises(ServedWeightsError) as refused:
        check_model("quantized")
    assert str(refused.value) == (
        f"service: {SERVICE} serves manifest {served[:12]}, the registry has {registered[:12]}. Nothing was measured. "
        "Deploy what is registered: prefect deployment run deploy/quantized --watch"
    )
    assert not refused.value.transient
    assert (world.objects(), world.version()) == before


def test_a_bad_argument_is_named_kept_as_evidence_and_the_version_before_serves_again(world: World) -> None:
    """An engine would crash-loop for ever, with the model that served before gone."""
    before = deploy_model("quantized")
    world.overlay_model(serving={"vllm_args": arguments(world, "--no-such-argument")})
    with pytest.raises(NotReadyError) as caught:
        deploy_model("quantized")
    assert caught.value.diagnosis.category is Category.ARGUMENT
    assert "no-such-argument" in str(caught.value)
    names = [key.rpartition("/")[2] for key in world.evidence()]
    assert {"summary.txt", "inferenceservice.yaml", "events.txt"} <= set(names)
    service = world.service()
    assert service
    assert "--no-such-argument" not in service["spec"]["predictor"]["model"]["args"]
    world.overlay_model()
    restored = deploy_model("quantized")
    assert (restored.changed, restored.manifest_sha256) == (False, before.manifest_sha256)


def test_an_image_that_cannot_be_pulled_is_named_and_the_version_before_serves_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service would pull in vain for ever, with the model that served before gone (fault: image missing)."""
    before = note_served(world)
    at_once = partial(ReadyWatch, hopeless_after=((Category.IMAGE_PULL, 0.0),))  # not after 75 s of pulling again
    monkeypatch.setattr(tasks, "ReadyWatch", at_once)
    spec, missing = world.spec(), "test/never-pushed@sha256:" + "e" * 64
    world.registry.client().merge_properties(spec.registered_model, spec.version, {"runtime_image": missing})
    with pytest.raises(NotReadyError, match="test/never-pushed") as caught:
        deploy_model("quantized")
    assert caught.value.diagnosis.category is Category.IMAGE_PULL
    assert any(key.endswith("summary.txt") for key in world.evidence())
    service = world.service()
    assert service
    assert service["spec"]["predictor"]["model"]["image"] == ENGINE_IMAGE
    assert f"{before.version} (manifest {before.manifest_sha256[:12]}, served yesterday) serves again" in report()


def test_an_api_that_stays_away_from_a_wait_leaves_the_service_to_load(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A model that loads well would be replaced by the one before: a second downtime (fault: API gone in the wait)."""
    note_served(world)
    world.overlay_model(serving={"vllm_args": arguments(world, "--load-seconds=3")})
    with monkeypatch.context() as away, reached_by_relay(world, away, tmp_path) as relay:

        def until_seen(*, on_progress: Callable[[str], None], **more: Any) -> ReadyWatch:  # noqa: ANN401 - passed on
            def see(line: str) -> None:
                on_progress(line)
                relay.cut()

            return ReadyWatch(**{**more, "on_progress": see, "outage_seconds": 1.0})

        away.setattr(tasks, "ReadyWatch", until_seen)
        with pytest.raises(ClusterUnavailableError):
            deploy_model("quantized")
    assert "How the service stands is not known, so it was left as it is" in report()
    assert not world.evidence()
    service = world.service()
    assert service
    assert "--load-seconds=3" in service["spec"]["predictor"]["model"]["args"]
    generation = service["metadata"]["generation"]
    assert deploy_model("quantized").service == SERVICE
    service = world.service()
    assert service
    assert service["metadata"]["generation"] == generation, "it was applied again"


def test_a_change_whose_answer_is_lost_is_not_denied(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user would read that the service was not touched, while its pods are being replaced."""

    class Answerless(Cluster):
        def apply(self, manifest: dict[str, Any], *, force: bool = False) -> dict[str, Any]:
            applied = super().apply(manifest, force=force)
            if manifest["kind"] == "InferenceService":
                raise ClusterUnavailableError(address=self.address, reason="the answer was lost")
            return applied

    monkeypatch.setattr(tasks, "connect", lambda: Answerless(open_connection()))
    monkeypatch.setattr(tasks.apply, "retry_delay_seconds", [0, 0, 0])
    with pytest.raises(ClusterUnavailableError):
        deploy_model("quantized")
    assert world.service()
    assert "prefect deployment run deploy/quantized --watch" in report()
    assert "not touched" not in report()


def test_artifacts_that_prefect_does_not_take_decide_over_nothing(world: World) -> None:
    """A model that serves would be called failed, and a failure would be hidden by another one of the UI."""
    bad = arguments(world, "--no-such-argument")
    with refused_artifacts():
        world.overlay_model(serving={"vllm_args": bad})
        with pytest.raises(NotReadyError):
            deploy_model("quantized")
        assert world.evidence()
        world.overlay_model()
        assert deploy_model("quantized").completion == " Paris"
        assert remove_model("quantized").was_there


def test_a_failed_first_deploy_stays_to_be_looked_at(world: World) -> None:
    """With nothing to go back to, what failed would be taken away before anybody saw it."""
    world.keys_of_kserve(Keys(READER.id, "wrong"))
    with pytest.raises(NotReadyError) as caught:
        deploy_model("quantized")
    assert caught.value.diagnosis.category is Category.STORAGE_DENIED
    assert world.service()
    assert any(key.endswith("storage-initializer.log") or "storage-initializer" in key for key in world.evidence())
    world.keys_of_kserve(READER)
    assert deploy_model("quantized").changed


def test_a_version_that_was_never_imported_is_refused_with_everything_else(world: World) -> None:
    """A user would mend one problem, and wait for the next."""
    world.overlay_model("smollm2", serving={"node_selector": {"nvidia.com/gpu.product": "NVIDIA-H100"}})
    with pytest.raises(PreflightError) as caught:
        deploy_model("smollm2")
    release, gpus = caught.value.problems
    assert "was never imported. Import it first: prefect deployment run import/smollm2" in release
    assert "have another product (NVIDIA-L4, not NVIDIA-H100)" in gpus
    assert world.service("smollm2") is None


def test_taken_gpus_are_told_with_who_holds_them(world: World) -> None:
    """A pod would hang in Pending for an hour."""
    with holding(world, node="gpu-1", container={"resources": {"limits": {"nvidia.com/gpu": "1"}}}):
        with pytest.raises(PreflightError, match=rf"held by {NAMESPACE}/notebook"):
            deploy_model("quantized")
        assert world.service() is None


def test_a_full_quota_is_told_with_what_is_used(world: World) -> None:
    """A rollout hung in a full quota, and only a ReplicaSet's events said why."""
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "gpus", "namespace": NAMESPACE}}
    world.cluster.apply({**quota, "spec": {"hard": {"requests.nvidia.com/gpu": "0"}}})
    try:
        with pytest.raises(PreflightError, match=r"quota 0, used 0.*kubectl describe quota"):
            deploy_model("quantized")
        assert world.service() is None
    finally:
        world.cluster.delete("v1", "ResourceQuota", "gpus", namespace=NAMESPACE)


def test_what_serves_stays_where_no_node_has_room_for_it_or_for_its_change(world: World) -> None:
    """A deploy that changes nothing would be refused, or one that no node can take would end what serves."""
    deploy_model("quantized")
    before = world.service()
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "gpus", "namespace": NAMESPACE}}
    world.cluster.apply({**quota, "spec": {"hard": {"requests.nvidia.com/gpu": "0"}}})
    try:
        assert not deploy_model("quantized").changed
    finally:
        world.cluster.delete("v1", "ResourceQuota", "gpus", namespace=NAMESPACE)
    world.overlay_model(serving={"node_selector": {"nvidia.com/gpu.product": "NVIDIA-H100"}})
    with pytest.raises(PreflightError, match=r"0/3 nodes .* another product \(NVIDIA-L4, not NVIDIA-H100\).*Add such"):
        deploy_model("quantized")
    assert (world.service(), world.evidence()) == (before, [])


def test_an_engine_that_outgrows_its_memory_is_named_and_kept_as_evidence(world: World) -> None:
    """CrashLoopBackOff is all that a pod says; the limit would be raised by guessing, or never."""
    too_little = {"requests": {"cpu": 1, "memory": "4Mi"}, "limits": {"cpu": 2, "memory": "4Mi"}}
    # It loads for longer than the kubelet takes to look at its memory, however busy the machine is.
    world.overlay_model(serving={"resources": too_little, "vllm_args": arguments(world, "--load-seconds=60")})
    with pytest.raises(NotReadyError, match=r"more memory than its limit of 4Mi") as caught:
        deploy_model("quantized")
    assert caught.value.diagnosis.category is Category.OOM_KILLED
    assert "serving.resources.limits.memory" in caught.value.diagnosis.next_action
    assert any(key.endswith("summary.txt") for key in world.evidence())
    assert world.service()


def test_two_deploys_of_one_model_exclude_each_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs would apply two versions in turn, and roll each other back."""
    monkeypatch.setenv("SLIPWAY_LEASE_SECONDS", "2")  # the other is waited for half as long again
    with (
        held(world.s3.block().client(), key=LEASE, owner="flow run eager-crow", ttl_seconds=60),
        pytest.raises(LeaseHeldError, match="eager-crow"),
    ):
        deploy_model("quantized")
    assert world.service() is None


def test_a_deploy_that_was_killed_goes_on_where_it_was(world: World) -> None:
    """A node's restart would leave a service without a record, and a lease that nobody gives back."""
    program = "from flows.deploy_model.flow import deploy_model; deploy_model('quantized')"
    environment = {**os.environ, "PREFECT_API_URL": str(PREFECT_API_URL.value()), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as killed:
        assert killed.stdout is not None
        assert any("applied InferenceService" in line for line in killed.stdout)
        killed.kill()
    hasten(world.s3.block().client(), key=LEASE)
    receipt = deploy_model("quantized")
    assert receipt.service == SERVICE
    assert world.version().properties["deploy_flow_run_id"] == receipt.flow_run_id


def test_a_service_of_somebody_else_is_left_alone(world: World) -> None:
    """A deploy or a removal would take over a service of the same name."""
    theirs = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": SERVICE, "namespace": NAMESPACE},
        "spec": {"predictor": {"model": {"modelFormat": {"name": "sklearn"}}}},
    }
    world.cluster.apply(theirs)
    with pytest.raises(PreflightError, match="was not made by slipway"):
        deploy_model("quantized")
    service = world.service()
    assert service
    assert service["spec"]["predictor"]["model"]["modelFormat"] == {"name": "sklearn"}


def test_fields_of_another_manager_are_not_overwritten(world: World) -> None:
    """A GitOps tool and a deploy would change one service to and fro."""
    deploy_model("quantized")
    service = world.service()
    assert service
    change = {
        **{key: service[key] for key in ("apiVersion", "kind")},
        "metadata": {"name": SERVICE, "namespace": NAMESPACE},
        "spec": {"predictor": {"minReplicas": 2}},
    }
    path = f"/apis/serving.kserve.io/v1beta1/namespaces/{NAMESPACE}/inferenceservices/{SERVICE}"
    world.cluster._connection.request(  # noqa: SLF001 - another manager than ours has no method
        "PATCH", path, query={"fieldManager": "argocd", "force": True}, body=change,
        content="application/apply-patch+yaml",
    )  # fmt: skip
    with pytest.raises(ConflictError, match="argocd"):
        deploy_model("quantized")
    assert not world.evidence()


def test_a_model_on_a_volume_is_filled_and_served_from_it(world: World) -> None:
    """The full model would be served from an empty folder, or copied again at every deploy."""
    world.overlay_model("full")
    manifest = world.import_model("full")
    receipt = deploy_model("full")
    try:
        assert receipt.volume
        assert receipt.volume.startswith(f"the volume holds full-fp16 ({len(FILES)} files")
        assert receipt.manifest_sha256 == manifest.digest()
        world.overlay_model("full", serving={"shared_memory": "512Mi"})
        changed = deploy_model("full")
        assert changed.volume
        assert "nothing was moved" in changed.volume
    finally:
        removal = remove_model("full")
    assert "4 GPUs freed; the volume mistral-24b-pvc and its weights stay" in removal.sentence()
    assert world.cluster.get("v1", "PersistentVolumeClaim", "mistral-24b-pvc", namespace=NAMESPACE)


def test_a_volume_that_a_pod_holds_elsewhere_is_told_before_anything_changes(world: World) -> None:
    """The fill and the service would wait for a volume that cannot be attached to their node.

    It is docs/failures.md, row 15.
    """
    world.overlay_model("full")
    world.import_model("full")
    wanted = wanted_claim(world)
    world.cluster.apply(wanted)
    claim = {"persistentVolumeClaim": {"claimName": wanted["metadata"]["name"]}}
    mount = {"volumeMounts": [{"name": "weights", "mountPath": "/weights"}]}
    with (
        holding(world, node="plain", container=mount, volumes=[{"name": "weights", **claim}]),
        pytest.raises(PreflightError, match=r"held by pod notebook, on node plain, where .* kubectl delete pod"),
    ):
        deploy_model("full")
    assert world.service("full") is None


def test_weights_that_changed_after_the_import_never_reach_the_service(world: World) -> None:
    """A damaged bucket would take down the model that serves."""
    world.overlay_model("full")
    world.import_model("full")
    deploy_model("full")
    before = world.service("full")
    try:
        world.overlay_model("full", serving={"shared_memory": "1Gi"})
        spec, store = world.spec("full"), world.s3.block().client()
        volume = world.volume("mistral-24b-pvc") / spec.version
        (volume / "config.json").unlink()
        with pytest.raises(JobFailedError, match=r"a pod reads from the folder full-fp16.*remove/"):
            deploy_model("full")
        assert world.service("full") == before
        remove_model("full")
        store.put(f"{spec.prefix}config.json", b'{"model_type": "another_"}')
        with pytest.raises(JobFailedError, match=r"its bytes changed after the import"):
            deploy_model("full")
        assert world.service("full") is None
    finally:
        remove_model("full")


def wanted_claim(world: World) -> dict[str, Any]:
    """The volume of the full model, as a deploy makes it."""
    return volume_claim(world.spec("full"), namespace=NAMESPACE, storage_class=None)


def test_a_name_that_is_no_dns_label_is_refused_before_anything(world: World) -> None:
    """Kubernetes would refuse it after the volume was filled."""
    world.overlay_model(serving={"inference_service": "Mistral_24B"})
    with pytest.raises(InvalidCatalogError):
        deploy_model("quantized")
