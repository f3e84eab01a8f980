"""A cluster with the controller of InferenceServices, a store with weights, and a small engine, for tests."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import kubernetes

from sandbox.kserve.definitions import definitions
from tests.integration.s3_server import READER, WRITER, Keys, S3Server
from tests.integration.sandbox_kube import PATIENCE, Json, Server, serving

PROJECT = Path(__file__).parents[2]
ENGINE = Path(__file__).parent / "small_engine.py"
IMAGE = "test/engine"
INITIALIZER = "test/initializer"
NAMESPACE = "models"
GROUP, VERSION = "serving.kserve.io", "v1beta1"

NODES: tuple[Json, ...] = (
    {"name": "plain"},
    {
        "name": "gpu",
        "labels": {"nvidia.com/gpu.product": "NVIDIA-L4"},
        "taints": [{"key": "nvidia.com/gpu", "value": "", "effect": "NoSchedule"}],
        "capacity": {"nvidia.com/gpu": "1"},
    },
)


class Cluster:
    """What the tests ask of the cluster."""

    def __init__(self, server: Server, s3: S3Server) -> None:
        self.server, self.s3 = server, s3
        client = server.client()
        self.custom, self.core = kubernetes.client.CustomObjectsApi(client), kubernetes.client.CoreV1Api(client)
        self.apps = kubernetes.client.AppsV1Api(client)
        for definition in definitions():
            kubernetes.client.ApiextensionsV1Api(client).create_custom_resource_definition(definition)
        self.core.create_namespace({"metadata": {"name": NAMESPACE}})
        self.account("reader", READER)
        self.create("servingruntimes", runtime(), version="v1alpha1")

    def account(self, name: str, keys: Keys) -> None:
        """Make a service account whose Secret has these keys."""
        host = self.s3.endpoint.removeprefix("http://")
        annotations = {"serving.kserve.io/s3-endpoint": host, "serving.kserve.io/s3-usehttps": "0"}
        annotations["serving.kserve.io/s3-region"] = "us-east-1"
        secret = {
            "metadata": {"name": f"{name}-keys", "annotations": annotations},
            "stringData": {"AWS_ACCESS_KEY_ID": keys.id, "AWS_SECRET_ACCESS_KEY": keys.secret},
        }
        self.core.create_namespaced_secret(NAMESPACE, secret)
        account = {"metadata": {"name": name}, "secrets": [{"name": f"{name}-keys"}]}
        self.core.create_namespaced_service_account(NAMESPACE, account)

    def create(self, plural: str, body: Json, *, version: str = VERSION) -> None:
        """Create a custom object."""
        self.custom.create_namespaced_custom_object(GROUP, version, NAMESPACE, plural, body)

    def change(self, name: str, change: Json) -> str:
        """Merge a change into an InferenceService; returns the version from which on a watch sees what comes of it."""
        changed = self.custom.patch_namespaced_custom_object(
            GROUP, VERSION, NAMESPACE, "inferenceservices", name, change, _content_type="application/merge-patch+json"
        )
        return str(changed["metadata"]["resourceVersion"])

    def delete(self, name: str) -> None:
        """Delete an InferenceService."""
        self.custom.delete_namespaced_custom_object(GROUP, VERSION, NAMESPACE, "inferenceservices", name)

    def until(
        self, name: str, wanted: Callable[[Json], bool], *, since: str | None = None, seconds: int = PATIENCE
    ) -> Json:
        """Return an InferenceService once it is as wanted, however short; from now on, or since a version."""
        seen: Json = {}
        watch = kubernetes.watch.Watch()
        for event in watch.stream(
            self.custom.list_namespaced_custom_object,
            *(GROUP, VERSION, NAMESPACE, "inferenceservices"),
            field_selector=f"metadata.name={name}",
            timeout_seconds=seconds,
            **({"resource_version": since} if since else {}),
        ):
            seen = event["object"]
            if wanted(seen):
                watch.stop()
                return seen
        raise AssertionError(json.dumps(seen.get("status"), indent=1))

    def pod(self, name: str, wanted: Callable[[Json], bool], *, seconds: int = PATIENCE) -> Json:
        """Return the pod of an InferenceService once it is as wanted."""
        seen: Json = {}
        watch = kubernetes.watch.Watch()
        for event in watch.stream(
            self.core.list_namespaced_pod,
            NAMESPACE,
            label_selector=f"serving.kserve.io/inferenceservice={name}",
            timeout_seconds=seconds,
        ):
            seen = event["raw_object"]
            if wanted(seen):
                watch.stop()
                return seen
        raise AssertionError(json.dumps(seen.get("status"), indent=1))

    def pods(self, name: str) -> list[Any]:
        """Return the pods of an InferenceService."""
        selector = f"serving.kserve.io/inferenceservice={name}"
        return list(self.core.list_namespaced_pod(NAMESPACE, label_selector=selector).items)

    def events(self, name: str) -> dict[str, str]:
        """Return messages by reason of the events about an InferenceService."""
        listed = self.core.list_namespaced_event(NAMESPACE, field_selector=f"involvedObject.name={name}")
        return {event.reason: event.message for event in listed.items}


def runtime(name: str = "vllm", **spec: object) -> Json:
    """Return a ServingRuntime like slipway's, whose engine is a small one."""
    container = {
        "name": "kserve-container",
        "image": f"{IMAGE}:1",
        "command": [sys.executable, str(ENGINE)],
        "args": ["--port=8080", "--model=/mnt/models", "--served-model-name={{.Name}}"],
        "ports": [{"name": "http1", "containerPort": 8080}],
        "env": [{"name": "HF_HUB_OFFLINE", "value": "1"}],
        "readinessProbe": {"httpGet": {"path": "/health", "port": 8080}, "periodSeconds": 1},
    }
    return {
        "apiVersion": f"{GROUP}/v1alpha1",
        "kind": "ServingRuntime",
        "metadata": {"name": name},
        "spec": {
            "annotations": {"prometheus.io/port": "8080"},
            "supportedModelFormats": [{"name": "vLLM", "version": "1", "autoSelect": True}],
            "containers": [container],
            **spec,
        },
    }


def service(name: str, *, model: Json | None = None, annotations: Json | None = None, **predictor: object) -> Json:
    """Return an InferenceService like slipway's."""
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "InferenceService",
        "metadata": {"name": name, "annotations": annotations or {}},
        "spec": {
            "predictor": {
                "minReplicas": 1,
                "serviceAccountName": "reader",
                "deploymentStrategy": {"type": "Recreate"},
                "terminationGracePeriodSeconds": 1,
                "model": {
                    "modelFormat": {"name": "vLLM", "version": "1"},
                    "runtime": "vllm",
                    "storageUri": "s3://plain/tiny/",
                    **(copy.deepcopy(model) if model else {}),
                },
                **predictor,
            }
        },
    }


def condition(seen: Json, kind: str) -> Json:
    """Return a condition of an object; empty if it has none of that kind."""
    conditions: list[Json] = seen.get("status", {}).get("conditions", [])
    return next((each for each in conditions if each["type"] == kind), {})


def is_ready(seen: Json) -> bool:
    """Tell whether an InferenceService is ready as it is now."""
    current = seen.get("status", {}).get("observedGeneration") == seen["metadata"]["generation"]
    return bool(current and condition(seen, "Ready").get("status") == "True")


def ask(url: str) -> Json:
    """Return what a URL answers."""
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:  # noqa: S310 - our own server
        answered: Json = json.loads(answer.read())
        return answered


@contextmanager
def cluster(
    folder: Path, s3: S3Server, *, images: Json | None = None, nodes: Sequence[Json] = NODES
) -> Iterator[Cluster]:
    """Serve a cluster with the controller, and with more images if need be, until the block is left."""
    client = boto3.client(
        "s3", endpoint_url=s3.endpoint, aws_access_key_id=WRITER.id, aws_secret_access_key=WRITER.secret
    )
    for key in ("tiny/config.json", "tiny/weights/1.bin", "tiny-2/other.bin"):
        client.put_object(Bucket=s3.plain_bucket, Key=key, Body=key.encode())
    declared = folder / "nodes.json"
    declared.write_text(json.dumps(nodes))
    with serving(folder, "--nodes", str(declared)) as server:
        initializer = [sys.executable, "-m", "sandbox.kserve.storage_initializer"]
        layout = {
            "layout": str(folder / "layout"),
            "needs": str(folder / "installed"),
            "otherwise": "run `make engine`",
        }
        server.map_images(
            {
                IMAGE: {},
                INITIALIZER: {"entrypoint": initializer, "env": {"PYTHONPATH": str(PROJECT)}},
                "oci:/images/engine": layout,
                **(images or {}),
            }
        )
        command = [sys.executable, "-m", "sandbox.kserve", "--kubeconfig", str(server.kubeconfig)]
        command += ["--storage-initializer-image", f"{INITIALIZER}:1", "--node-address", "127.0.0.1"]
        with (folder / "kserve.log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as controller:
            try:
                yield Cluster(server, s3)
            finally:
                controller.terminate()
                assert controller.wait(PATIENCE) == 0, (folder / "kserve.log").read_text()
