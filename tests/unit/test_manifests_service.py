"""What the manifests of a service must hold, whatever else changes in them; failures of the past by their rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from deployments.catalog import keys
from deployments.spec import ModelSpec
from k8s.manifests.errors import NoVolumeError, UnusableEndpointError, UnusableInputError
from k8s.manifests.fill_job import fill_job
from k8s.manifests.inference_service import ServiceInputs, inference_service, storage_uri
from k8s.manifests.kserve_storage import SECRET_KEYS, S3Address, open_values, service_account, storage_secret
from k8s.manifests.monitoring import pod_monitor
from k8s.manifests.probes import startup_probe
from k8s.manifests.serving_runtime import serving_runtime
from k8s.manifests.volume import volume_claim
from tests.golden.regenerate import ADDRESS, BASE_IMAGE, FILL, INPUTS, NAMESPACE, model

ALL_MODELS = [*keys()]


def _predictor(spec: ModelSpec, inputs: ServiceInputs = INPUTS) -> dict[str, Any]:
    predictor: dict[str, Any] = inference_service(spec, inputs)["spec"]["predictor"]
    return predictor


def _with_serving(key: str, **changes: Any) -> ModelSpec:  # noqa: ANN401 - any field of a section
    spec = model(key)
    return spec.model_copy(update={"serving": spec.serving.model_copy(update=changes)})


@pytest.mark.parametrize("key", ALL_MODELS)
def test_failure_2_the_service_reads_the_prefix_that_the_import_writes(key: str) -> None:
    """Import wrote `quantized-w4a16/` and the service read `quant-w4a16/` (docs/failures.md, row 2)."""
    spec = model(key)
    from_volume = spec.storage.serve_from == "pvc"
    expected = f"pvc://mistral-24b-pvc/{spec.version}" if from_volume else f"s3://llm-models/{spec.prefix}"
    assert _predictor(spec)["model"]["storageUri"] == expected


def test_failure_2_the_fill_reads_the_prefix_that_the_import_writes_into_the_folder_that_is_served() -> None:
    """A third name between import and service served an empty folder (docs/failures.md, row 2)."""
    spec = model("full")
    arguments = fill_job(spec, FILL)["spec"]["template"]["spec"]["containers"][0]["args"]
    assert f"--prefix={spec.prefix}" in arguments
    assert f"--folder={storage_uri(spec, bucket=INPUTS.bucket).rpartition('/')[2]}" in arguments


def test_failure_2_the_s3_uri_ends_in_a_slash() -> None:
    """KServe matches bare prefixes: `…/full` would also pull `…/full-2` (docs/failures.md, row 2)."""
    assert _predictor(model("quantized"))["model"]["storageUri"] == (
        "s3://llm-models/Mistral-Small-24B-Instruct/quantized-w4a16/"
    )


@pytest.mark.parametrize(
    ("key", "instance_type"), [("quantized", "g6.4xlarge"), ("full", "g6.12xlarge"), ("smollm2", "g6.4xlarge")]
)
def test_failure_14_each_model_names_its_node(key: str, instance_type: str) -> None:
    """The quantized pod was scheduled onto the four-GPU node and kept the full model out (docs/failures.md, row 14)."""
    assert _predictor(model(key))["nodeSelector"] == {
        "nvidia.com/gpu.product": "NVIDIA-L4",
        "node.kubernetes.io/instance-type": instance_type,
    }


@pytest.mark.parametrize("key", ALL_MODELS)
def test_failure_14_a_change_never_needs_the_gpus_twice(key: str) -> None:
    """A rolling update needed twice the GPUs, exhausted the quota and hung (docs/failures.md, row 14)."""
    predictor = _predictor(model(key))
    assert predictor["deploymentStrategy"] == {"type": "Recreate"}
    assert predictor["minReplicas"] == predictor["maxReplicas"] == 1


@pytest.mark.parametrize("key", ALL_MODELS)
def test_failure_14_gpus_are_requested_and_limited_alike(key: str) -> None:
    """Kubernetes refuses a GPU request that is not its limit, and the quota counts both (docs/failures.md, row 14)."""
    spec = model(key)
    resources = _predictor(spec)["model"]["resources"]
    wanted = str(spec.serving.gpus.count)
    assert resources["requests"]["nvidia.com/gpu"] == resources["limits"]["nvidia.com/gpu"] == wanted


def test_failure_15_the_fill_runs_on_the_node_that_serves() -> None:
    """A volume filled in another zone or on another node cannot be mounted beside the GPUs.

    It is docs/failures.md, row 15.
    """
    spec = model("full")
    pod = fill_job(spec, FILL)["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == _predictor(spec)["nodeSelector"]
    assert pod["tolerations"] == _predictor(spec)["tolerations"]
    assert "nvidia.com/gpu" not in pod["containers"][0]["resources"]["limits"]


def test_failure_9_the_image_that_was_built_is_the_one_that_serves() -> None:
    """The built image was never served (docs/failures.md, row 9)."""
    assert _predictor(model("quantized"))["model"]["image"] == INPUTS.image


@pytest.mark.parametrize("image", ["quay.io/org/vllm:latest", "quay.io/org/vllm", "quay.io/org/vllm@sha256:12", ""])
def test_failure_9_an_image_without_a_digest_is_refused(image: str) -> None:
    """A tag can be moved to an image that nobody tested (docs/failures.md, row 9)."""
    with pytest.raises(UnusableInputError, match="by digest") as refused:
        replace(INPUTS, image=image)
    assert refused.value.transient is False


def test_an_image_layouts_reference_is_an_image_by_digest() -> None:
    """Where there is no registry the image is named by its layout's folder."""
    reference = f"oci:/var/images/slipway-vllm@sha256:{'a' * 64}"
    assert _predictor(model("quantized"), replace(INPUTS, image=reference))["model"]["image"] == reference


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("manifest_sha256", "A" * 64),
        ("source_commit", "main"),
        ("registered_model_id", ""),
        ("model_version_id", "7\n"),
        ("registry_name", "Private Registry"),
    ],
)
def test_inputs_that_a_label_cannot_hold_are_refused_by_name(name: str, value: str) -> None:
    """The cluster's own refusal names a regular expression, not where the value came from."""
    with pytest.raises(UnusableInputError, match=f"{name} is") as refused:
        replace(INPUTS, **{name: value})
    assert refused.value.name == name


def test_equal_inputs_give_an_equal_manifest() -> None:
    """A deployment of what is already there could not tell that it is."""
    assert inference_service(model("full"), INPUTS) == inference_service(model("full"), replace(INPUTS))


def test_other_bytes_give_another_manifest() -> None:
    """A version whose bytes changed must not look deployed."""
    other = replace(INPUTS, manifest_sha256="f" * 64)
    assert inference_service(model("full"), INPUTS) != inference_service(model("full"), other)


def test_a_manifest_shares_nothing_with_the_next_one() -> None:
    """A caller that adds to one manifest must not change all later ones."""
    first = inference_service(model("quantized"), INPUTS)
    first["spec"]["predictor"]["model"]["startupProbe"].clear()
    first["spec"]["predictor"]["nodeSelector"].clear()
    second = inference_service(model("quantized"), INPUTS)
    assert second["spec"]["predictor"]["model"]["startupProbe"]
    assert second["spec"]["predictor"]["nodeSelector"]


def test_standard_mode_is_written_so_that_every_kserve_understands_it() -> None:
    """An older KServe takes its default when it reads the newer name, and that needs Knative."""
    annotations = inference_service(model("quantized"), INPUTS)["metadata"]["annotations"]
    assert annotations["serving.kserve.io/deploymentMode"] == "RawDeployment"


def test_serverless_mode_has_no_deployment_strategy_and_time_to_load() -> None:
    """Knative gives up after ten minutes, in which the full model's weights are not yet there."""
    service = inference_service(_with_serving("full", deployment_mode="Serverless"), INPUTS)
    assert "deploymentStrategy" not in service["spec"]["predictor"]
    assert service["metadata"]["annotations"]["serving.kserve.io/deploymentMode"] == "Serverless"
    assert service["metadata"]["annotations"]["serving.knative.dev/progress-deadline"] == "2880s"


def test_the_monitor_follows_knatives_port_name() -> None:
    """A monitor that names a port which the pod does not have finds no metrics, and says nothing."""
    spec = _with_serving("full", deployment_mode="Serverless")
    assert pod_monitor(spec, namespace=NAMESPACE)["spec"]["podMetricsEndpoints"][0]["port"] == "user-port"


def test_a_model_without_gpus_asks_for_none_and_sizes_its_cache() -> None:
    """A replica must start where there is no GPU, with the same manifest otherwise."""
    gpus = model("smollm2").serving.gpus.model_copy(update={"count": 0})
    engine = _predictor(_with_serving("smollm2", gpus=gpus))["model"]
    assert "nvidia.com/gpu" not in engine["resources"]["limits"]
    assert engine["env"] == [{"name": "VLLM_CPU_KVCACHE_SPACE", "value": "3"}]


@pytest.mark.parametrize(("load_seconds", "allowed"), [(45, 300), (120, 360), (360, 1080), (361, 1085)])
def test_a_model_has_three_times_its_load_time_to_start(load_seconds: int, allowed: int) -> None:
    """A probe that is too short restarts the engine in the middle of loading, for ever."""
    probe = startup_probe(load_seconds)
    assert probe["periodSeconds"] * probe["failureThreshold"] == allowed


def test_the_engine_runs_restricted() -> None:
    """Under the restricted Pod Security Standard a pod that asks for more is never created."""
    runtime = serving_runtime(namespace=NAMESPACE, image=BASE_IMAGE, slowest_load_seconds=360)
    container = runtime["spec"]["containers"][0]
    assert container["securityContext"] == {
        "runAsNonRoot": True,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def test_everything_that_the_engine_writes_lies_on_a_volume() -> None:
    """The root file system is read-only: a cache elsewhere stops the engine at its first request."""
    runtime = serving_runtime(namespace=NAMESPACE, image=BASE_IMAGE, slowest_load_seconds=360)
    container = runtime["spec"]["containers"][0]
    paths = [each["value"] for each in container["env"] if each["value"].startswith("/")]
    mounts = tuple(each["mountPath"] for each in container["volumeMounts"])
    assert paths
    assert all(path.startswith(mounts) for path in paths)


def test_the_volume_is_the_catalogs() -> None:
    """A volume of another size or name would be made beside the right one."""
    claim = volume_claim(model("full"), namespace=NAMESPACE, storage_class="gp3")
    assert claim["metadata"]["name"] == "mistral-24b-pvc"
    assert claim["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "120Gi"}},
        "volumeMode": "Filesystem",
        "storageClassName": "gp3",
    }


def test_a_model_from_s3_has_no_volume() -> None:
    """A 120 GiB volume that nobody reads costs money every month."""
    with pytest.raises(NoVolumeError, match=r"storage\.serve_from: pvc"):
        volume_claim(model("quantized"), namespace=NAMESPACE)


def test_failure_16_the_secret_has_no_values() -> None:
    """Credentials stood in manifests and logs (docs/failures.md, row 16)."""
    secret = storage_secret(ADDRESS, namespace=NAMESPACE)
    assert not {"data", "stringData"} & set(secret)
    assert set(open_values(ADDRESS)) == set(SECRET_KEYS) - {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}


def test_kserve_is_told_the_endpoint_on_both_objects_that_it_reads() -> None:
    """KServe reads the address from annotations only; without it the weights are asked of AWS."""
    expected = {
        "serving.kserve.io/s3-endpoint": "minio.model-storage.svc:9000",
        "serving.kserve.io/s3-region": "us-east-1",
        "serving.kserve.io/s3-usehttps": "0",
        "serving.kserve.io/s3-verifyssl": "1",
    }
    assert service_account(ADDRESS, namespace=NAMESPACE)["metadata"]["annotations"] == expected
    assert storage_secret(ADDRESS, namespace=NAMESPACE)["metadata"]["annotations"] == expected


def test_failure_10_a_private_authority_is_named_and_verification_stays_on() -> None:
    """TLS verification was switched off where the certificate was not publicly signed (docs/failures.md, row 10)."""
    private = S3Address(endpoint="https://minio.example.com/", ca_config_map="minio-ca")
    annotations = storage_secret(private, namespace=NAMESPACE)["metadata"]["annotations"]
    assert annotations["serving.kserve.io/s3-usehttps"] == annotations["serving.kserve.io/s3-verifyssl"] == "1"
    assert annotations["serving.kserve.io/s3-cabundle-configmap"] == "minio-ca"


@pytest.mark.parametrize(
    "endpoint",
    [
        "minio:9000",
        "",
        "ftp://minio",
        "http://",
        "http://minio/bucket",
        "http://minio:port",
        "http://[",
        "http://user:hunter2@minio:9000",
    ],
)
def test_failure_16_an_unusable_endpoint_is_refused_without_showing_what_it_holds(endpoint: str) -> None:
    """An address with a password in it would end in an annotation, or in this very message.

    It is docs/failures.md, row 16.
    """
    with pytest.raises(UnusableEndpointError) as refused:
        S3Address(endpoint=endpoint)
    assert "hunter2" not in str(refused.value)
