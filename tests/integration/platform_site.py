"""A site to install the platform on: the sandbox's Kubernetes with KServe's kinds, and a kustomization of its own."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from k8s.cluster.administration import Administrator, administer
from k8s.kustomize import overlay_folder
from tests.contract.recording import recorder
from tests.integration.kube_server import kube_server

PROJECT = Path(__file__).parents[2]
FLOWS_IMAGE = "test/flows:1"
HUSH = {
    "HF_TOKEN": "hf_hush-token",
    "QUAY_USERNAME": "robot",
    "QUAY_PASSWORD": "hush-quay",
    "MYSQL_PASSWORD": "hush-mysql",
    "PREFECT_API_AUTH_STRING": "slipway:hush-prefect",
}
"""Variables of an administrator; every secret value of them has the word hush."""
INPUTS = {"SLIPWAY_FLOWS_IMAGE": FLOWS_IMAGE, "SLIPWAY_IMAGE_REPOSITORY": "docker://registry.example.com/vllm"}

Json = dict[str, Any]


@contextmanager
def bare_cluster(folder: Path) -> Iterator[Path]:
    """Serve a cluster that knows neither KServe nor a storage class; gives its kubeconfig."""
    with kube_server(folder) as kubeconfig:
        programs = folder / "mc"
        programs.mkdir()
        recorder(programs, "mc", ":")
        machine = os.environ["PATH"].split(os.pathsep)
        images = {
            "test/flows": {
                "path": [str(Path(sys.executable).parent), *machine],
                "env": {"PYTHONPATH": str(PROJECT), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"},
            },
            "quay.io/minio/mc": {"path": [str(programs), *machine], "env": {"RECORDS": str(programs)}},
        }
        (folder / "images.json").write_text(json.dumps({"images": images}))
        yield kubeconfig


def install_kserve(cluster: Administrator) -> None:
    """Give the cluster what an administrator installs before the platform."""
    names = (("inferenceservices", "InferenceService", "v1beta1"), ("servingruntimes", "ServingRuntime", "v1alpha1"))
    default = {"storageclass.kubernetes.io/is-default-class": "true"}
    storage = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "local", "annotations": default},
        "provisioner": "example.com/local",
    }
    cluster.apply_all([storage, *(_definition(*each) for each in names)])


def write_site(folder: Path, environment: Mapping[str, str]) -> Path:
    """Write a kustomization over the vanilla overlay: addresses of its own, and no copy of any server.

    The servers' images are not on this machine, and what stands in for them is started by the test.
    """
    folder.mkdir()
    base = os.path.relpath(overlay_folder("kubernetes"), folder)
    settings = [{"op": "add", "path": f"/data/{name}", "value": value} for name, value in environment.items()]
    none = [{"op": "replace", "path": "/spec/replicas", "value": 0}]
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [base],
        "patches": [
            {"target": {"kind": "ConfigMap", "name": "slipway-environment"}, "patch": yaml.safe_dump(settings)},
            {"target": {"kind": "Deployment"}, "patch": yaml.safe_dump(none)},
        ],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    return folder


def _definition(plural: str, kind: str, version: str) -> Json:
    served = {"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.serving.kserve.io"},
        "spec": {
            "group": "serving.kserve.io",
            "scope": "Namespaced",
            "names": {"plural": plural, "singular": kind.lower(), "kind": kind},
            "versions": [served],
        },
    }


__all__ = ["FLOWS_IMAGE", "HUSH", "INPUTS", "administer", "bare_cluster", "install_kserve", "write_site"]
