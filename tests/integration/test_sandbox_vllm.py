"""Real vLLM serves the quantized replica from the very objects that slipway renders."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from deployments import catalog
from k8s.manifests.inference_service import ServiceInputs, inference_service
from k8s.manifests.kserve_storage import SERVICE_ACCOUNT
from k8s.manifests.serving_runtime import serving_runtime
from sandbox import engine, replicas
from tests.integration.kserve_cluster import NAMESPACE, Cluster, ask, cluster, is_ready
from tests.integration.s3_server import READER, WRITER, S3Server
from tests.integration.sandbox_kube import Json

SPEC = catalog.load("quantized", overlay=Path(engine.__file__).parent / "models")
IMAGE = "test/vllm@sha256:" + 64 * "a"
INPUTS = ServiceInputs(
    namespace=NAMESPACE,
    bucket="llm-models",
    image=IMAGE,
    manifest_sha256=64 * "b",
    source_commit=40 * "c",
    registry_name="registry",
    registered_model_id="1",
    model_version_id="2",
)
pytestmark = pytest.mark.skipif(
    not engine.mark().is_file(), reason=f"vLLM's CPU build is not installed: `{engine.COMMAND}`"
)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, s3: S3Server) -> Iterator[str]:
    """The address of the served replica."""
    weights = tmp_path_factory.mktemp("replica")
    replicas.build("quantized", weights)
    client = boto3.client(
        "s3", endpoint_url=s3.endpoint, aws_access_key_id=WRITER.id, aws_secret_access_key=WRITER.secret
    )
    for file in (path for path in weights.rglob("*") if path.is_file()):
        client.upload_file(str(file), s3.bucket, SPEC.prefix + str(file.relative_to(weights)))
    images = {"test/vllm": {"path": [str(engine.folder() / "bin"), "/usr/bin", "/bin"], "env": engine.VARIABLES}}
    nodes = [{"name": "l4", "labels": dict(SPEC.serving.node_selector)}]
    with cluster(tmp_path_factory.mktemp("kserve"), s3, images=images, nodes=nodes) as kserve:
        _deploy(kserve)
        yield kserve.until(SPEC.serving.inference_service, is_ready, seconds=280)["status"]["url"]


def _deploy(kserve: Cluster) -> None:
    kserve.account(SERVICE_ACCOUNT, READER)
    runtime = serving_runtime(namespace=NAMESPACE, image=IMAGE, slowest_load_seconds=SPEC.serving.load_seconds)
    kserve.create("servingruntimes", runtime, version="v1alpha1")
    kserve.create("inferenceservices", inference_service(SPEC, INPUTS))


def complete(url: str, **request: object) -> Json:
    """Return the first choice of a completion."""
    body = json.dumps({"model": SPEC.serving.inference_service, "temperature": 0, **request}).encode()
    call = urllib.request.Request(  # noqa: S310 - our own server
        f"{url}/v1/completions", data=body, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(call, timeout=60) as answer:  # noqa: S310 - as above
        choice: Json = json.loads(answer.read())["choices"][0]
        return choice


@pytest.mark.timeout(400)
def test_the_served_id_is_the_services_name(url: str) -> None:
    """Load tests against another id were green with no result at all."""
    served = ask(f"{url}/v1/models")["data"]
    assert [entry["id"] for entry in served] == [SPEC.serving.inference_service]
    assert served[0]["max_model_len"] == 1024


def test_a_completion_has_tokens(url: str) -> None:
    """An engine that is well may still answer with nothing."""
    assert complete(url, prompt="The sun", max_tokens=8)["text"]


def test_echo_brings_the_prompts_log_probabilities(url: str) -> None:
    """Without them the evaluation scores chance, silently."""
    choice = complete(url, prompt="The sun is a star", max_tokens=1, echo=True, logprobs=1)
    assert choice["text"].startswith("The sun is a star")
    assert all(value < 0 for value in choice["logprobs"]["token_logprobs"][1:])
