"""InferenceServices in the sandbox: served, changed, taken down, and refused as KServe's Standard mode does."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from tests.integration.kserve_cluster import NAMESPACE, Cluster, ask, cluster, condition, is_ready, runtime, service
from tests.integration.s3_server import Keys, S3Server
from tests.integration.sandbox_kube import Json, gone


@pytest.fixture(scope="module")
def kserve(tmp_path_factory: pytest.TempPathFactory, s3: S3Server) -> Iterator[Cluster]:
    """Serve one cluster for all tests of this file; each test's services have names of their own."""
    with cluster(tmp_path_factory.mktemp("kserve"), s3) as running:
        yield running


def state(pod: Json, container: str) -> Json:
    """Return the status of a container of a pod; empty until it has one."""
    status = pod.get("status", {})
    found = [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]
    return next((each for each in found if each["name"] == container), {})


def waiting(pod: Json, container: str) -> Json:
    """Return what a container waits for; empty if it does not."""
    held: Json = state(pod, container).get("state", {}).get("waiting") or {}
    return held


def last_end(pod: Json, container: str) -> Json:
    """Return how a container ended last; empty if it never did."""
    held = state(pod, container)
    ended: Json = held.get("state", {}).get("terminated") or held.get("lastState", {}).get("terminated") or {}
    return ended


def is_blocked(seen: Json) -> bool:
    """Tell whether the model failed to load."""
    model = seen.get("status", {}).get("modelStatus", {})
    return bool(model.get("transitionStatus") == "BlockedByFailedLoad" and model.get("lastFailureInfo"))


def test_a_service_is_ready_with_its_weights_its_name_and_a_url(kserve: Cluster) -> None:
    """Without this nothing that slipway deploys is ever served in the sandbox."""
    kserve.create("inferenceservices", service("good", model={"args": ["--max-model-len=1024"]}))
    ready = kserve.until("good", is_ready)
    answer = ask(ready["status"]["url"] + "/v1/models")
    assert answer["id"] == "good"
    assert answer["files"] == ["config.json", "weights/1.bin"]
    assert answer["arguments"][-1] == "--max-model-len=1024"
    assert ready["status"]["modelStatus"]["states"] == {"activeModelState": "Loaded", "targetModelState": "Loaded"}
    assert gone(lambda: "InferenceServiceReady" in kserve.events("good"))
    first = answer["pid"]
    since = kserve.change("good", {"spec": {"predictor": {"model": {"args": ["--max-model-len=512"]}}}})
    kserve.until("good", lambda seen: condition(seen, "Ready")["status"] == "False", since=since)
    again = kserve.until("good", is_ready)
    changed = ask(again["status"]["url"] + "/v1/models")
    assert changed["arguments"][-1] == "--max-model-len=512"
    assert changed["pid"] != first
    assert again["status"]["url"] == ready["status"]["url"]


def test_a_deleted_service_leaves_no_pod_and_refuses_connections(kserve: Cluster) -> None:
    """Taking a model down frees its GPUs."""
    kserve.create("inferenceservices", service("brief"))
    url = kserve.until("brief", is_ready)["status"]["url"]
    kserve.delete("brief")
    assert gone(lambda: not kserve.pods("brief"))

    def names() -> list[str]:
        return [each.metadata.name for each in kserve.core.list_namespaced_service(NAMESPACE).items]

    def refuses() -> bool:
        try:
            ask(url)
        except OSError:
            return True
        return False

    assert gone(lambda: "brief-predictor" not in names())
    assert gone(refuses)


def test_without_the_slash_a_prefix_also_brings_its_neighbour(kserve: Cluster) -> None:
    """KServe matches bare prefixes: that is why slipway's storage URIs end in a slash."""
    kserve.create("inferenceservices", service("bare", model={"storageUri": "s3://plain/tiny"}))
    answer = ask(kserve.until("bare", is_ready)["status"]["url"])
    assert answer["files"] == ["-2/other.bin", "config.json", "weights/1.bin"]
    kserve.delete("bare")


def test_a_model_is_served_from_a_folder_of_a_volume(kserve: Cluster) -> None:
    """The large model's weights do not fit through the storage initializer."""
    claim: Json = {"metadata": {"name": "disk"}, "spec": {"accessModes": ["ReadWriteOnce"]}}
    claim["spec"]["resources"] = {"requests": {"storage": "1Gi"}}
    kserve.core.create_namespaced_persistent_volume_claim(NAMESPACE, claim)
    held = kserve.server.folder / "state" / "claims" / NAMESPACE / "disk"
    (held / "v1").mkdir(parents=True)
    (held / "v1" / "config.json").write_text("{}")
    (held / "other.json").write_text("{}")
    kserve.create("inferenceservices", service("volume", model={"storageUri": "pvc://disk/v1"}))
    assert ask(kserve.until("volume", is_ready)["status"]["url"])["files"] == ["config.json"]
    kserve.delete("volume")


def test_a_wrong_secret_is_told_in_the_initializers_words(kserve: Cluster) -> None:
    """A wrong key must not look like a slow download."""
    kserve.account("stranger", Keys("reader", "not-the-secret"))
    kserve.create("inferenceservices", service("denied", serviceAccountName="stranger"))
    blocked = kserve.until("denied", is_blocked)
    failure = blocked["status"]["modelStatus"]["lastFailureInfo"]
    assert failure["reason"] == "ModelLoadFailed"
    assert "(403)" in failure["message"]
    assert condition(blocked, "Ready")["status"] == "False"
    kserve.delete("denied")


def test_a_missing_prefix_is_told_in_the_initializers_words(kserve: Cluster) -> None:
    """A version that was never imported must not crash an engine."""
    kserve.create("inferenceservices", service("missing", model={"storageUri": "s3://plain/never/"}))
    blocked = kserve.until("missing", is_blocked)
    message = blocked["status"]["modelStatus"]["lastFailureInfo"]["message"]
    assert "No model found in never/." in message
    kserve.delete("missing")


def test_a_bad_argument_ends_in_a_crash_loop_with_its_log(kserve: Cluster) -> None:
    """Two wrong arguments once crash-looped, and nobody saw why."""
    kserve.create("inferenceservices", service("crash", model={"args": ["--quantization=awq"]}))
    pod = kserve.pod("crash", lambda pod: waiting(pod, "kserve-container").get("reason") == "CrashLoopBackOff")
    assert last_end(pod, "kserve-container")["exitCode"] == 2
    log = kserve.core.read_namespaced_pod_log(
        pod["metadata"]["name"], NAMESPACE, container="kserve-container", previous=True
    )
    assert "unrecognized arguments: --quantization=awq" in log
    assert is_blocked(kserve.until("crash", is_blocked))
    kserve.delete("crash")


def test_an_engine_beyond_its_memory_is_oom_killed(kserve: Cluster) -> None:
    """Too little memory is a common mistake, and looks like any other crash."""
    limited = {"args": ["--eat-memory=200"], "resources": {"limits": {"cpu": "1", "memory": "100Mi"}}}
    kserve.create("inferenceservices", service("greedy", model=limited))
    pod = kserve.pod("greedy", lambda pod: bool(last_end(pod, "kserve-container")))
    assert last_end(pod, "kserve-container")["reason"] == "OOMKilled"
    kserve.delete("greedy")


def test_a_service_that_no_node_can_take_stays_pending_with_the_schedulers_words(kserve: Cluster) -> None:
    """One node lacks the GPU, the other has another product or is taken."""
    gpus = {"resources": {"limits": {"cpu": "1", "memory": "1Gi", "nvidia.com/gpu": "1"}}}
    tolerations = [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    selector = {"nvidia.com/gpu.product": "NVIDIA-L4"}
    kserve.create("inferenceservices", service("holder", model=gpus, nodeSelector=selector, tolerations=tolerations))
    kserve.until("holder", is_ready)
    kserve.create("inferenceservices", service("second", model=gpus, nodeSelector=selector, tolerations=tolerations))
    pod = kserve.pod("second", lambda pod: condition(pod, "PodScheduled").get("status") == "False")
    assert condition(pod, "PodScheduled")["message"] == (
        "0/2 nodes are available: 1 Insufficient nvidia.com/gpu, 1 node(s) didn't match Pod's node affinity/selector."
    )
    kserve.delete("holder")
    kserve.until("second", is_ready)
    kserve.delete("second")


def test_a_quota_that_is_full_is_told_on_the_deployment(kserve: Cluster) -> None:
    """The pod does not exist then, so its Deployment must say why."""
    quota = {"metadata": {"name": "gpus"}, "spec": {"hard": {"requests.nvidia.com/gpu": "0"}}}
    kserve.core.create_namespaced_resource_quota(NAMESPACE, quota)
    gpus = {"resources": {"limits": {"nvidia.com/gpu": "1"}}}
    kserve.create("inferenceservices", service("over", model=gpus))

    def refusal() -> str:
        listed = kserve.core.list_namespaced_event(NAMESPACE, field_selector="reason=FailedCreate").items
        return next((event.message for event in listed if event.involved_object.name.startswith("over-")), "")

    assert gone(lambda: bool(refusal()))
    assert refusal().endswith(
        "exceeded quota: gpus, requested: requests.nvidia.com/gpu=1, used: requests.nvidia.com/gpu=0, "
        "limited: requests.nvidia.com/gpu=0"
    )
    kserve.core.delete_namespaced_resource_quota("gpus", NAMESPACE, _preload_content=False)
    kserve.delete("over")


def test_an_image_by_digest_must_be_in_its_layout_and_have_its_environment(kserve: Cluster) -> None:
    """A digest that was never pushed must not be served by whatever is installed."""
    digest = hashlib.sha256(b"manifest").hexdigest()
    reference = f"oci:/images/engine@sha256:{digest}"
    kserve.create("inferenceservices", service("digest", model={"image": reference}))

    def waits_with(words: str) -> Json:
        def matches(pod: Json) -> bool:
            held = waiting(pod, "kserve-container")
            return held.get("reason") in {"ErrImagePull", "ImagePullBackOff"} and words in held["message"]

        return kserve.pod("digest", matches)

    waits_with(f"manifest unknown: {kserve.server.folder}/layout holds no sha256:{digest}")
    blob = kserve.server.folder / "layout" / "blobs" / "sha256" / digest
    blob.parent.mkdir(parents=True)
    blob.write_bytes(b"manifest")
    waits_with("run `make engine`")
    (kserve.server.folder / "installed").touch()
    kserve.until("digest", is_ready)
    assert state(kserve.pod("digest", lambda _: True), "kserve-container")["imageID"] == reference
    kserve.delete("digest")


def test_a_missing_runtime_is_told_and_then_taken_when_it_comes(kserve: Cluster) -> None:
    """Objects are applied in any order by GitOps tools."""
    kserve.create("inferenceservices", service("early", model={"runtime": "late"}))
    told = kserve.until("early", lambda seen: "status" in seen)
    failure = told["status"]["modelStatus"]["lastFailureInfo"]
    assert (failure["reason"], failure["message"]) == (
        "RuntimeNotRecognized",
        "Waiting for runtime to become available",
    )
    kserve.create("servingruntimes", runtime("late"), version="v1alpha1")
    kserve.until("early", is_ready)
    kserve.delete("early")


def test_serverless_mode_is_refused_with_a_clear_condition(kserve: Cluster) -> None:
    """There is no Knative here, and waiting for it would never end."""
    kserve.create(
        "inferenceservices", service("knative", annotations={"serving.kserve.io/deploymentMode": "Serverless"})
    )
    told = kserve.until("knative", lambda seen: "status" in seen)
    assert condition(told, "Ready")["reason"] == "ServerlessModeRejected"
    assert "there is no Knative Serving" in condition(told, "Ready")["message"]
    assert gone(lambda: "ServerlessModeRejected" in kserve.events("knative"))
    assert kserve.pods("knative") == []
    kserve.delete("knative")


def test_a_stopped_service_has_no_pod_and_says_so(kserve: Cluster) -> None:
    """KServe's own way of freeing a model's GPUs without forgetting it."""
    kserve.create("inferenceservices", service("halt"))
    kserve.until("halt", is_ready)
    kserve.change("halt", {"metadata": {"annotations": {"serving.kserve.io/stop": "true"}}})
    halted = kserve.until("halt", lambda seen: condition(seen, "Stopped").get("status") == "True")
    assert condition(halted, "Ready")["reason"] == "Stopped"
    assert gone(lambda: not kserve.pods("halt"))
    kserve.change("halt", {"metadata": {"annotations": {"serving.kserve.io/stop": None}}})
    kserve.until("halt", is_ready)
    kserve.delete("halt")
