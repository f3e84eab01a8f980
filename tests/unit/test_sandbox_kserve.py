"""What an InferenceService becomes in the sandbox: merged, filled in and selected as KServe does."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.kserve.errors import InvalidServiceError
from sandbox.kserve.names import is_valid
from sandbox.kserve.rendering import render
from sandbox.kserve.runtimes import select
from sandbox.kserve.storage import Storage, storage

Json = dict[str, Any]


def runtime(name: str = "vllm", *, formats: list[Json] | None = None, **spec: object) -> Json:
    """Return a ServingRuntime."""
    container = {
        "name": "kserve-container",
        "image": "platform/vllm@sha256:00",
        "command": ["python", "-m", "engine"],
        "args": ["--served-model-name={{.Name}}", "--team={{ .Labels.team }}"],
        "env": [{"name": "HOME", "value": "/home"}, {"name": "MODE", "value": "gpu"}],
        "ports": [{"name": "http1", "containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/health", "port": 8080}},
        "volumeMounts": [{"name": "shm", "mountPath": "/shared"}],
    }
    return {
        "metadata": {"name": name, "namespace": "models"},
        "spec": {
            "supportedModelFormats": formats or [{"name": "vLLM", "version": "1", "autoSelect": True}],
            "containers": [container],
            "annotations": {"prometheus.io/port": "8080"},
            "volumes": [{"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "2Gi"}}],
            **spec,
        },
    }


def service(*, model: Json | None = None, **predictor: object) -> Json:
    """Return an InferenceService."""
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "mistral", "namespace": "models", "uid": "1", "labels": {"team": "red"}},
        "spec": {
            "predictor": {"model": {"modelFormat": {"name": "vLLM", "version": "1"}, **(model or {})}, **predictor}
        },
    }


def test_a_models_fields_are_merged_over_its_runtimes_container() -> None:
    """The image that an import built would not be served, or the engine's arguments be lost."""
    model = {
        "image": "ours@sha256:11",
        "args": ["--max-model-len=1024"],
        "env": [{"name": "MODE", "value": "cpu"}],
        "resources": {"limits": {"nvidia.com/gpu": "1"}},
        "runtime": "vllm",
        "storageUri": "s3://bucket/prefix/",
    }
    rendered = render(service(model=model), runtime(), Storage(), node_ports=False)
    assert rendered.deployment["spec"]["template"]["spec"]["containers"] == [
        {
            "name": "kserve-container",
            "image": "ours@sha256:11",
            "command": ["python", "-m", "engine"],
            "args": ["--served-model-name=mistral", "--team=red", "--max-model-len=1024"],
            "env": [{"name": "HOME", "value": "/home"}, {"name": "MODE", "value": "cpu"}],
            "ports": [{"name": "http1", "containerPort": 8080}],
            "readinessProbe": {"httpGet": {"path": "/health", "port": 8080}},
            "resources": {"limits": {"nvidia.com/gpu": "1"}},
            "volumeMounts": [{"name": "shm", "mountPath": "/shared"}],
        }
    ]


def test_a_predictors_pod_is_merged_over_its_runtimes() -> None:
    """The size of the shared memory and the node are the model's to say."""
    volumes = [{"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "256Mi"}}]
    wanted = service(volumes=volumes, nodeSelector={"gpu": "L4"}, automountServiceAccountToken=False, minReplicas=1)
    rendered = render(wanted, runtime(), Storage(), node_ports=False)
    pod = rendered.deployment["spec"]["template"]["spec"]
    del pod["containers"]
    assert pod == {"volumes": volumes, "nodeSelector": {"gpu": "L4"}, "automountServiceAccountToken": False}


def test_labels_and_annotations_reach_the_pod() -> None:
    """Monitors and the product's own diagnosis find pods by them."""
    rendered = render(service(), runtime(), Storage(), node_ports=False)
    assert rendered.deployment["spec"]["template"]["metadata"] == {
        "labels": {
            "team": "red",
            "app": "isvc.mistral-predictor",
            "component": "predictor",
            "serving.kserve.io/inferenceservice": "mistral",
        },
        "annotations": {"prometheus.io/port": "8080"},
    }


@pytest.mark.parametrize(("asked", "strategy"), [({"type": "Recreate"}, "Recreate"), (None, "RollingUpdate")])
def test_the_strategy_is_the_predictors_or_rolling(asked: Json | None, strategy: str) -> None:
    """Rolling a model needs its GPUs twice: only who forgets to ask for Recreate gets it."""
    wanted = service(deploymentStrategy=asked) if asked else service()
    assert render(wanted, runtime(), Storage(), node_ports=False).deployment["spec"]["strategy"]["type"] == strategy


def test_the_service_goes_from_port_80_to_the_containers() -> None:
    """A node port makes it reachable where there is no ingress."""
    rendered = render(service(), runtime(), Storage(), node_ports=True)
    assert rendered.service["spec"] == {
        "type": "NodePort",
        "selector": {"app": "isvc.mistral-predictor"},
        "ports": [{"name": "http1", "port": 80, "targetPort": 8080, "protocol": "TCP"}],
    }


def test_the_initializer_gets_keys_by_reference_and_the_address_from_annotations() -> None:
    """Secret values in a Deployment could be read by anybody who may read Deployments."""
    secret = {
        "metadata": {
            "name": "keys",
            "annotations": {
                "serving.kserve.io/s3-endpoint": "minio:9000",
                "serving.kserve.io/s3-usehttps": "0",
                "serving.kserve.io/s3-region": "us-east-1",
            },
        },
        "data": {"AWS_SECRET_ACCESS_KEY": "aHVzaA=="},
    }
    (initializer,) = storage("s3://bucket/prefix/", image="init", secret=secret).initializers
    assert initializer["args"] == ["s3://bucket/prefix/", "/mnt/models"]
    assert {entry["name"]: entry.get("value") or entry["valueFrom"] for entry in initializer["env"]} == {
        "AWS_ACCESS_KEY_ID": {"secretKeyRef": {"name": "keys", "key": "AWS_ACCESS_KEY_ID"}},
        "AWS_SECRET_ACCESS_KEY": {"secretKeyRef": {"name": "keys", "key": "AWS_SECRET_ACCESS_KEY"}},
        "S3_ENDPOINT": "minio:9000",
        "AWS_ENDPOINT_URL": "http://minio:9000",
        "S3_USE_HTTPS": "0",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def test_a_volumes_folder_is_mounted_where_the_weights_are_expected() -> None:
    """The large model is served from its version's folder."""
    found = storage("pvc://claim/full-fp16", image="init", secret=None)
    assert found == Storage(
        mounts=[{"name": "kserve-pvc-source", "mountPath": "/mnt/models", "readOnly": True, "subPath": "full-fp16"}],
        volumes=[{"name": "kserve-pvc-source", "persistentVolumeClaim": {"claimName": "claim", "readOnly": False}}],
    )


def test_other_storage_is_refused_in_a_sentence() -> None:
    """A scheme that is silently ignored would serve an empty folder."""
    with pytest.raises(InvalidServiceError, match="not from gs://bucket"):
        storage("gs://bucket/prefix", image="init", secret=None)


def test_of_the_runtimes_that_offer_themselves_the_highest_priority_serves() -> None:
    """As KServe chooses when a service names no runtime."""
    low = runtime("low", formats=[{"name": "vLLM", "autoSelect": True, "priority": 1}])
    high = runtime("high", formats=[{"name": "vLLM", "autoSelect": True, "priority": 2}])
    shy = runtime("shy", formats=[{"name": "vLLM", "priority": 9}])
    assert select(service(), [low, high, shy])["metadata"]["name"] == "high"


@pytest.mark.parametrize(
    ("runtimes", "named", "reason"),
    [
        ([], "vllm", "RuntimeNotRecognized"),
        ([runtime(disabled=True)], "vllm", "RuntimeDisabled"),
        ([runtime(formats=[{"name": "onnx"}])], "vllm", "NoSupportingRuntime"),
        ([runtime(formats=[{"name": "onnx", "autoSelect": True}])], None, "NoSupportingRuntime"),
    ],
)
def test_a_runtime_that_cannot_serve_is_refused_with_kserves_reason(
    runtimes: list[Json], named: str | None, reason: str
) -> None:
    """The product's diagnosis reads these reasons."""
    with pytest.raises(InvalidServiceError) as refused:
        select(service(model={"runtime": named} if named else {}), runtimes)
    assert refused.value.reason == reason


@pytest.mark.parametrize(("name", "valid"), [("mistral-24b", True), ("24b", False), ("a.b", False), ("a" * 54, False)])
def test_names_that_kserve_refuses_are_refused(name: str, *, valid: bool) -> None:
    """Its Service could not have such a name."""
    assert is_valid(name) is valid
