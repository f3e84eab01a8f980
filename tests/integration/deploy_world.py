"""Everything that a deploy needs, real and local: the cluster with KServe's controller, S3, the registry, Prefect."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.testing.utilities import prefect_test_harness

from blocks.loading import DOCUMENT
from blocks.register import documents, read_endpoints
from blocks.registry import ModelRegistry
from blocks.registry_entries import ArtifactSource, RegisteredVersion, VersionEntry
from deployments import catalog
from deployments.spec import ModelSpec
from flows.import_model.manifest import Manifest, ManifestFile, ManifestSource
from k8s.cluster import Cluster, connect
from k8s.manifests.kserve_storage import S3Address, open_values, service_account, storage_secret
from k8s.manifests.serving_runtime import serving_runtime
from sandbox.kserve.definitions import definitions
from tests.integration.registry_server import empty_registry
from tests.integration.registry_server import serving as serving_registry
from tests.integration.s3_server import READER, WRITER, Keys, S3Server
from tests.integration.sandbox_kube import serving as serving_kube

Json = dict[str, Any]
PROJECT = Path(__file__).parents[2]
ENGINE = Path(__file__).parent / "scripted_engine.py"
TOOLS = Path(__file__).parent / "scripted_tools.py"
NAMESPACE = "private-ai-demo"
FLOWS_IMAGE = "test/flows"
EVALUATION_IMAGE = "test/evaluation"
ENGINE_IMAGE = "test/slipway-vllm@sha256:" + "d" * 64
L4 = {"nvidia.com/gpu.product": "NVIDIA-L4"}
TAINT = {"key": "nvidia.com/gpu", "value": "", "effect": "NoSchedule"}
NODES = [
    {"name": "plain"},
    *(
        {
            "name": f"gpu-{gpus}",
            "labels": {**L4, "node.kubernetes.io/instance-type": kind},
            "taints": [TAINT],
            "capacity": {"nvidia.com/gpu": str(gpus)},
        }
        for kind, gpus in (("g6.4xlarge", 1), ("g6.12xlarge", 4))
    ),
]
FILES = {
    "config.json": b'{"model_type": "mistral"}',
    "model.safetensors": hashlib.shake_128(b"w").digest(300_000),
    "tokenizer.json": b"{}",
}


@dataclass(frozen=True)
class World:
    """What the tests ask of it."""

    cluster: Cluster
    s3: S3Server
    registry: ModelRegistry
    overlay: Path

    def spec(self, model: str = "quantized") -> ModelSpec:
        """A model of the catalog as it is now."""
        return catalog.load(model)

    def overlay_model(self, model: str = "quantized", **changes: Json) -> None:
        """Lay values over a model: those of the sandbox's replicas, with GPUs, and these.

        Args:
            model: the catalog key.
            changes: sections to change; `serving={"vllm_args": [...]}`.
        """
        (self.overlay / f"{model}.yaml").unlink(missing_ok=True)
        values: Json = yaml.safe_load((PROJECT / "sandbox" / "models" / f"{model}.yaml").read_text())
        del values["serving"]["gpus"]
        values["serving"] |= {"load_seconds": 5}
        gpus = catalog.load(model).serving.gpus.count or 1
        if gpus > 1:
            values["serving"]["vllm_args"].append(f"--tensor-parallel-size={gpus}")
        for section, change in changes.items():
            values[section] |= change
        (self.overlay / f"{model}.yaml").write_text(yaml.safe_dump(values))

    def import_model(self, model: str = "quantized", *, registered: bool = True, commit: str = "a" * 40) -> Manifest:
        """Leave what an import of this commit leaves."""
        spec, store = self.spec(model), self.s3.block().client()
        manifest = Manifest(
            model=spec.registered_model,
            version=spec.version,
            source=ManifestSource(repo=spec.source.repo, commit=commit),
            identity=spec.identity,
            files=tuple(
                ManifestFile(path=path, size=len(data), sha256=hashlib.sha256(data).hexdigest(), hub_id="b" * 40)
                for path, data in FILES.items()
            ),
        )
        for path, data in FILES.items():
            store.put(spec.prefix + path, data)
        store.put(spec.prefix + "manifest.json", manifest.canonical())
        if registered:
            source = ArtifactSource(kind="huggingface", source_class="repository", group="o", id="c", name="o/n")
            self.registry.client().upsert_version(
                VersionEntry(
                    model=spec.registered_model,
                    version=spec.version,
                    uri=f"s3://{self.s3.bucket}/{spec.prefix}",
                    format_name="vLLM",
                    format_version="1",
                    description="",
                    properties={"manifest_sha256": manifest.digest(), "runtime_image": ENGINE_IMAGE},
                    source=source,
                )
            )
        return manifest

    def version(self, model: str = "quantized") -> RegisteredVersion:
        """What the registry holds of a model's version."""
        spec = self.spec(model)
        found = self.registry.client().find_version(spec.registered_model, spec.version)
        assert found
        return found

    def service(self, model: str = "quantized") -> Json | None:
        """A model's InferenceService."""
        name = self.spec(model).serving.inference_service
        return self.cluster.get("serving.kserve.io/v1beta1", "InferenceService", name, namespace=NAMESPACE)

    def pods(self, model: str = "quantized") -> list[Json]:
        """A model's pods."""
        name = self.spec(model).serving.inference_service
        labels = f"serving.kserve.io/inferenceservice={name}"
        return self.cluster.objects("v1", "Pod", namespace=NAMESPACE, labels=labels)

    def keys_of_kserve(self, keys: Keys) -> None:
        """Give KServe's storage initializer these keys."""
        address = S3Address(endpoint=self.s3.endpoint)
        values = {"AWS_ACCESS_KEY_ID": keys.id, "AWS_SECRET_ACCESS_KEY": keys.secret, **open_values(address)}
        secret = {**storage_secret(address, namespace=NAMESPACE), "data": encoded(values)}
        self.cluster.apply(secret, force=True)

    def volume(self, claim: str) -> Path:
        """The folder that stands for a claim's volume."""
        return next(self.overlay.parent.glob(f"state/**/{NAMESPACE}/{claim}"))

    def objects(self) -> list[str]:
        """The keys of all objects in the bucket."""
        return [entry.key for entry in self.s3.block().client().list("")]

    def evidence(self) -> list[str]:
        """The names of the evidence files in the bucket."""
        return [entry.key for entry in self.s3.block().client().list("evidence/")]


def scripted_tools(folder: Path, script: dict[str, str]) -> Json:
    """Return an evaluation image whose tools leave recorded reports, and do what a script says (scripted_tools.py)."""
    programs, told = folder / "programs", folder / "script.json"
    programs.mkdir()
    told.write_text(json.dumps(script))
    python = programs / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} {TOOLS} "$@"\n')
    python.chmod(0o755)
    return {"path": [str(programs), "/usr/bin", "/bin"], "env": {"SCRIPT": str(told)}}


def encoded(values: dict[str, str]) -> dict[str, str]:
    """A Secret's values as the API has them."""
    return {name: base64.b64encode(value.encode()).decode() for name, value in values.items()}


@contextmanager
def opened(folder: Path, s3: S3Server, **images: Json) -> Iterator[World]:
    """Bring everything up for a block of code, and the environment that finds it; the cluster has these images too."""
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        overlay = folder / "overlay"
        overlay.mkdir()
        registry_url = stack.enter_context(serving_registry(stack.enter_context(empty_registry(folder))))
        environment = {
            "AWS_ENDPOINT_URL": s3.endpoint,
            "AWS_DEFAULT_REGION": "us-east-1",
            "SLIPWAY_BUCKET": s3.bucket,
            "SLIPWAY_REGISTRY_URL": registry_url,
            "SLIPWAY_IMAGE_REPOSITORY": f"oci:{folder}/images",
            "SLIPWAY_CATALOG_OVERLAY": str(overlay),
            "SLIPWAY_FLOWS_IMAGE": FLOWS_IMAGE,
            "SLIPWAY_EVALUATION_IMAGE": EVALUATION_IMAGE,
            "HF_ENDPOINT": "http://127.0.0.1:9",
        }
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.setenv("AWS_ACCESS_KEY_ID", WRITER.id)
        patch.setenv("AWS_SECRET_ACCESS_KEY", WRITER.secret)
        stack.enter_context(prefect_test_harness(server_startup_timeout=180))
        for block in documents(read_endpoints()):
            block.save(DOCUMENT, overwrite=True)
        cluster = stack.enter_context(serving_cluster(folder, patch, **images))
        world = World(cluster, s3, ModelRegistry(address=registry_url), overlay)
        provide(world, environment)
        yield world


@contextmanager
def serving_cluster(folder: Path, patch: pytest.MonkeyPatch, **images: Json) -> Iterator[Cluster]:
    """Start a cluster with KServe's controller and the nodes, found by KUBECONFIG; it knows these images too."""
    nodes = folder / "nodes.json"
    nodes.write_text(json.dumps(NODES))
    with serving_kube(folder, "--nodes", str(nodes)) as server:
        ours = {"PYTHONPATH": str(PROJECT)}
        initializer = [sys.executable, "-m", "sandbox.kserve.storage_initializer"]
        server.map_images(
            {
                "test/slipway-vllm": {},
                "test/initializer": {"entrypoint": initializer, "env": ours},
                FLOWS_IMAGE: {"path": [str(Path(sys.executable).parent), "/usr/bin", "/bin"], "env": ours},
                "sh": {},
                **images,
            }
        )
        patch.setenv("KUBECONFIG", str(server.kubeconfig))
        cluster = connect()
        cluster.apply_all([*definitions(), {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}])
        command = [sys.executable, "-m", "sandbox.kserve", "--kubeconfig", str(server.kubeconfig)]
        command += ["--storage-initializer-image", "test/initializer:1", "--node-address", "127.0.0.1"]
        with (folder / "kserve.log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as controller:
            try:
                yield cluster
            finally:
                controller.terminate()


def provide(world: World, environment: dict[str, str]) -> None:
    """Apply what `platform/apply` applies, with the scripted engine in place of vLLM."""
    runtime = serving_runtime(namespace=NAMESPACE, image=ENGINE_IMAGE, slowest_load_seconds=30)
    container = runtime["spec"]["containers"][0]
    container["command"] = [sys.executable, str(ENGINE)]
    container["readinessProbe"]["periodSeconds"] = 1
    # A checkout below /tmp would be taken for the folder that is mounted there.
    container["volumeMounts"] = [mount for mount in container["volumeMounts"] if mount["mountPath"] != "/tmp"]  # noqa: S108 - a mount path
    world.cluster.apply_all(
        [
            service_account(S3Address(endpoint=world.s3.endpoint), namespace=NAMESPACE),
            _object("ServiceAccount", "slipway-jobs"),
            {**_object("ConfigMap", "slipway-environment"), "data": environment},
            {
                **_object("Secret", "minio-credentials"),
                "data": encoded({"accesskey": WRITER.id, "secretkey": WRITER.secret}),
            },
            runtime,
        ]
    )
    world.keys_of_kserve(READER)


def _object(kind: str, name: str) -> Json:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE}}
