"""Services waited for against the sandbox's Kubernetes: noticed at once, explained when stuck, given up when hopeless.

The tests play KServe: they write the service's status and make its pods themselves.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from k8s.cluster import READY_RIGHTS, Cluster, ReadyResult, ReadyWatch, connect
from k8s.cluster.awaiting import await_state, only
from k8s.cluster.connection import Connection, open_connection
from k8s.cluster.watching import Source
from k8s.diagnosis import Category
from k8s.errors import NotReadyError, ReadyDeadlineError, ResourceNotFoundError
from tests.integration.kube_server import SHELL_IMAGE, kube_server

Json = dict[str, Any]
NAMESPACE = "private-ai-demo"
GROUP = "serving.kserve.io"
PATIENCE = 120.0
"""However busy the machine is."""
LOOKS_AGAIN_SECONDS = 15.0
"""When a wait looks again by itself: what is seen before was told by the API."""
KV_CACHE = (
    "ValueError: To serve at least one request with the models's max seq len (1024), (5.00 GiB KV cache is needed, "
    "which is larger than the available KV cache memory (4.00 GiB)."
)


def crd() -> Json:
    """Return the least definition of an InferenceService."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"inferenceservices.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"plural": "inferenceservices", "singular": "inferenceservice", "kind": "InferenceService"},
            "versions": [
                {
                    "name": "v1beta1",
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Serve one cluster that knows InferenceServices; each test's service has a name of its own."""
    with kube_server(tmp_path_factory.mktemp("kube")) as kubeconfig, pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(kubeconfig))
        cluster = connect()
        cluster.apply_all([crd(), {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}])
        yield cluster


@pytest.fixture
def connection(cluster: Cluster) -> Connection:
    """Connect as KServe would."""
    assert cluster.version()
    return open_connection()


def _service(name: str, **model: object) -> Json:
    return {
        "apiVersion": f"{GROUP}/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"predictor": {"model": {"modelFormat": {"name": "vLLM"}, **model}}},
    }


def _pod(service: str, script: str, **spec: object) -> Json:
    container = {"name": "kserve-container", "image": SHELL_IMAGE, "command": ["/bin/sh", "-c", script]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{service}-predictor-x",
            "namespace": NAMESPACE,
            "labels": {f"{GROUP}/inferenceservice": service, "slipway.dev/model": "quantized"},
        },
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 1, **spec},
    }


def _set_ready(connection: Connection, service: Json, *, ready: bool = True) -> None:
    status = {
        "observedGeneration": service["metadata"]["generation"],
        "url": "http://m.example",
        "conditions": [{"type": "Ready", "status": str(ready)}],
    }
    path = f"/apis/{GROUP}/v1beta1/namespaces/{NAMESPACE}/inferenceservices/{service['metadata']['name']}/status"
    connection.request("PATCH", path, body={"status": status}, content="application/merge-patch+json")


@pytest.fixture
def waiting(cluster: Cluster) -> Iterator[Callable[..., Future[ReadyResult]]]:
    """Wait for a service in a thread; the wait is under way when this returns."""
    with ThreadPoolExecutor() as pool:

        def begin(name: str, **watch: Any) -> Future[ReadyResult]:  # noqa: ANN401 - ReadyWatch's own fields
            begun = threading.Event()
            told = watch.pop("on_progress", lambda _: None)

            def on_progress(line: str) -> None:
                told(line)
                if "has not answered" not in line:
                    begun.set()

            options = ReadyWatch(**{"timeout_seconds": PATIENCE, **watch}, on_progress=on_progress)
            waits = pool.submit(cluster.wait_ready, "InferenceService", name, namespace=NAMESPACE, watch=options)
            waits.add_done_callback(lambda _: begun.set())
            assert begun.wait(PATIENCE)
            return waits

        yield begin


def test_readiness_is_noticed_as_it_comes(
    cluster: Cluster, connection: Connection, waiting: Callable[..., Future[ReadyResult]]
) -> None:
    """Slow polling costs a minute of GPU time at every deployment."""
    service = cluster.apply(_service("prompt"))
    waits = waiting("prompt")
    _set_ready(connection, service)
    written = time.monotonic()
    result = waits.result(PATIENCE)
    assert time.monotonic() - written < LOOKS_AGAIN_SECONDS
    assert result.thing["status"]["url"] == "http://m.example"
    assert result.thing["kind"] == "InferenceService"


def test_an_old_ready_is_not_taken_for_the_new_one(
    cluster: Cluster, connection: Connection, waiting: Callable[..., Future[ReadyResult]]
) -> None:
    """A change of a service that runs must wait for the change, not find it ready at once."""
    _set_ready(connection, cluster.apply(_service("again", args=["--max-num-seqs=16"])))
    changed = cluster.apply(_service("again", args=["--max-num-seqs=8"]))
    lines: list[str] = []
    waits = waiting("again", on_progress=lines.append)
    assert not waits.done()
    _set_ready(connection, changed)
    waits.result(PATIENCE)
    assert lines[-1] == "it is ready at http://m.example"


def test_a_crash_is_explained_from_the_log_and_given_up_at_once(
    cluster: Cluster, waiting: Callable[..., Future[ReadyResult]]
) -> None:
    """The same arguments crash again at every restart: waiting for the deadline wastes an hour."""
    cluster.apply(_service("crash"))
    cluster.apply(_pod("crash", f"echo loading; echo '{KV_CACHE.replace(chr(39), '')}'; exit 1"))
    with pytest.raises(NotReadyError, match=r"In deployments/models/quantized\.yaml lower --max-model-len") as caught:
        waiting("crash", settling_seconds=0.0).result(PATIENCE)
    assert caught.value.diagnosis.category is Category.KV_CACHE
    assert not caught.value.transient
    assert not isinstance(caught.value, ReadyDeadlineError)
    assert caught.value.log_tail[0] == "loading"


def test_a_crash_that_nobody_knows_is_given_up_after_some_runs(
    cluster: Cluster, waiting: Callable[..., Future[ReadyResult]]
) -> None:
    """A first failure may be the store's; a second and third are the service's own."""
    cluster.apply(_service("unknown"))
    cluster.apply(_pod("unknown", "exit 3"))
    with pytest.raises(NotReadyError, match="ended with exit code 3") as caught:
        waiting("unknown", failures_allowed=1).result(PATIENCE)
    assert caught.value.diagnosis.failures >= 1


def test_failure_14_a_pod_without_a_node_is_explained_in_gpus(
    cluster: Cluster, waiting: Callable[..., Future[ReadyResult]]
) -> None:
    """The rollout hung, and nothing said that no node had the GPU (docs/failures.md, row 14)."""
    cluster.apply(_service("gpuless"))
    pod = _pod("gpuless", "sleep 60", nodeSelector={"nvidia.com/gpu.product": "NVIDIA-L4"})
    pod["spec"]["containers"][0]["resources"] = {"limits": {"nvidia.com/gpu": "1"}}
    cluster.apply(pod)
    with pytest.raises(NotReadyError, match=r"0/1 nodes have 1 GPU for it: 1 lacks nvidia\.com/gpu") as caught:
        waiting("gpuless", hopeless_after=((Category.UNSCHEDULABLE, 0.5),)).result(PATIENCE)
    assert caught.value.diagnosis.category is Category.UNSCHEDULABLE
    cluster.delete_and_wait("v1", "Pod", "gpuless-predictor-x", namespace=NAMESPACE, timeout_seconds=PATIENCE)


def test_a_service_whose_image_is_missing_is_given_up_with_the_images_name(
    cluster: Cluster, waiting: Callable[..., Future[ReadyResult]]
) -> None:
    """A pod would wait in ImagePullBackOff until the deadline, with its GPUs taken."""
    cluster.apply(_service("imageless"))
    pod = _pod("imageless", "true")
    pod["spec"]["containers"][0]["image"] = "quay.io/none/slipway-vllm:1"
    cluster.apply(pod)
    with pytest.raises(NotReadyError, match=r"quay\.io/none/slipway-vllm:1 cannot be pulled") as caught:
        waiting("imageless", hopeless_after=((Category.IMAGE_PULL, 0.5),)).result(PATIENCE)
    assert caught.value.diagnosis.category is Category.IMAGE_PULL
    assert "kubectl" in caught.value.diagnosis.next_action
    assert cluster.get(f"{GROUP}/v1beta1", "InferenceService", "imageless", namespace=NAMESPACE)


def test_the_deadline_says_what_it_was_waiting_for(
    cluster: Cluster, waiting: Callable[..., Future[ReadyResult]]
) -> None:
    """`deploy.sh` never waited, and exited 0 whatever happened."""
    cluster.apply(_service("slow"))
    pod = _pod("slow", "echo begun; sleep 60")
    pod["spec"]["containers"][0]["readinessProbe"] = {"exec": {"command": ["false"]}, "periodSeconds": 1}
    cluster.apply(pod)
    _await_pod("slow-predictor-x", _runs)
    lines: list[str] = []
    with pytest.raises(ReadyDeadlineError, match="runs and is not ready yet") as caught:
        waiting("slow", timeout_seconds=3, on_progress=lines.append).result(PATIENCE)
    assert caught.value.log_tail == ("begun",)
    assert any("kserve-container runs and is not ready yet" in line for line in lines)


def test_the_failure_of_the_copy_before_is_not_held_against_the_new_one(
    cluster: Cluster, connection: Connection, waiting: Callable[..., Future[ReadyResult]]
) -> None:
    """Right after a mended model is applied, the pod that crashed is still there."""
    cluster.apply(_service("mended", args=["--max-model-len=9"]))
    cluster.apply(_pod("mended", "echo 'CUDA error: out of memory'; exit 1"))
    path = f"/api/v1/namespaces/{NAMESPACE}/pods/mended-predictor-x"
    made = connection.request("GET", path)["metadata"]["creationTimestamp"]
    while time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()) <= made:
        time.sleep(0.05)  # times are whole seconds: the change must come in a later one
    changed = cluster.apply(_service("mended", args=["--max-model-len=8"]))
    waits = waiting("mended")
    assert not waits.done()
    connection.request("DELETE", path)
    _set_ready(connection, changed)
    waits.result(PATIENCE)


def test_a_service_that_is_deleted_while_it_is_waited_for_ends_the_wait(
    cluster: Cluster, waiting: Callable[..., Future[ReadyResult]]
) -> None:
    """Nothing will come any more."""
    cluster.apply(_service("gone"))
    waits = waiting("gone")
    cluster.delete(f"{GROUP}/v1beta1", "InferenceService", "gone", namespace=NAMESPACE)
    with pytest.raises(NotReadyError, match="somebody deleted it"):
        waits.result(PATIENCE)


def test_a_service_that_does_not_exist_is_not_waited_for(cluster: Cluster) -> None:
    """A typo must not wait for an hour."""
    with pytest.raises(ResourceNotFoundError, match="none"):
        cluster.wait_ready("InferenceService", "none", namespace=NAMESPACE, watch=ReadyWatch(timeout_seconds=5))


def test_the_rights_are_asked_for_before_they_are_needed(cluster: Cluster) -> None:
    """Preflight shows every missing right at once."""
    assert cluster.missing_rights(READY_RIGHTS, namespace=NAMESPACE) == ()


def test_evidence_explains_a_failure_and_holds_no_secret(cluster: Cluster) -> None:
    """The bundle goes to S3 and into an artifact, where others can read it."""
    cluster.apply(_service("evident"))
    pod = _pod("evident", "echo started with token=hf_abcdefghijklmnopqrstuvwx; exit 1", restartPolicy="Never")
    pod["spec"]["containers"][0]["env"] = [{"name": "HF_TOKEN", "value": "throw-away-value"}]
    cluster.apply(pod)
    watch = ReadyWatch(timeout_seconds=PATIENCE, failures_allowed=1)
    with pytest.raises(NotReadyError) as caught:
        cluster.wait_ready("InferenceService", "evident", namespace=NAMESPACE, watch=watch)
    assert "started with token=(hidden)" in str(caught.value)
    files = cluster.evidence("InferenceService", "evident", namespace=NAMESPACE)
    assert {
        "summary.txt",
        "inferenceservice.yaml",
        "pods/evident-predictor-x.yaml",
        "logs/evident-predictor-x/kserve-container.log",
        "events.txt",
        "gpus.txt",
    } <= set(files)
    assert "category: Error" in files["summary.txt"]
    assert "started with token=(hidden)" in files["logs/evident-predictor-x/kserve-container.log"]
    whole = "".join(files.values())
    assert "throw-away-value" not in whole
    assert "hf_abcdef" not in whole


def test_a_deleted_service_is_gone_with_its_pods(cluster: Cluster) -> None:
    """The next model needs the GPUs that the pods hold, not the object's absence."""
    service = cluster.apply(_service("removed"))
    pod = _pod("removed", "trap '' TERM; sleep 60")
    owner = {"apiVersion": f"{GROUP}/v1beta1", "kind": "InferenceService", "name": "removed"}
    pod["metadata"]["ownerReferences"] = [{**owner, "uid": service["metadata"]["uid"], "blockOwnerDeletion": True}]
    cluster.apply(pod)
    kind = f"{GROUP}/v1beta1", "InferenceService", "removed"
    assert cluster.delete_and_wait(*kind, namespace=NAMESPACE, timeout_seconds=PATIENCE)
    assert cluster.objects("v1", "Pod", namespace=NAMESPACE, labels=f"{GROUP}/inferenceservice=removed") == []
    assert not cluster.delete_and_wait(*kind, namespace=NAMESPACE, timeout_seconds=PATIENCE)


def test_gpus_are_counted_as_the_cluster_has_them(cluster: Cluster, connection: Connection) -> None:
    """Preflight refuses by these numbers before a running service is touched."""
    node = f"/api/v1/nodes/{cluster.gpus(namespace=NAMESPACE).nodes[0].name}"
    merge = "application/merge-patch+json"
    labels = {"metadata": {"labels": {"nvidia.com/gpu.product": "NVIDIA-L4"}}}
    connection.request("PATCH", node, body=labels, content=merge)
    resources = {"nvidia.com/gpu": "2"}
    connection.request(
        "PATCH", f"{node}/status", body={"status": {"allocatable": resources, "capacity": resources}}, content=merge
    )
    quota = {"metadata": {"name": "q", "namespace": NAMESPACE}, "spec": {"hard": {"requests.nvidia.com/gpu": "8"}}}
    cluster.apply({"apiVersion": "v1", "kind": "ResourceQuota", **quota})
    pod = _pod("holder", "sleep 60")
    pod["spec"]["containers"][0]["resources"] = {"limits": resources}
    cluster.apply(pod)
    _await_pod(pod["metadata"]["name"], lambda pod: "nodeName" in pod["spec"])
    inventory = cluster.gpus(namespace=NAMESPACE)
    held = [(each.product, each.gpus, each.free, each.holders) for each in inventory.nodes]
    assert held == [("NVIDIA-L4", 2, 0, (f"{NAMESPACE}/holder-predictor-x",))]
    assert [(each.name, each.limit) for each in inventory.quotas] == [("q", 8)]
    assert [each.free for each in cluster.gpus(namespace=NAMESPACE, replacing="holder").nodes] == [2]


def _runs(pod: Json) -> bool:
    return any("running" in status["state"] for status in pod.get("status", {}).get("containerStatuses", ()))


def _await_pod(name: str, until: Callable[[Json], bool]) -> None:
    source = Source("pods", f"/api/v1/namespaces/{NAMESPACE}/pods", only(name))
    assert await_state(
        open_connection(),
        source,
        until=lambda pods: any(map(until, pods)),
        deadline=time.monotonic() + PATIENCE,
    )
