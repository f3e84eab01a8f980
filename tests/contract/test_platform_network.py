"""The network policies as rendered: everything is closed, and exactly what is listed is open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contract.platform_objects import NAMESPACES, OVERLAYS, PLATFORM, of_kind, pods

overlays = pytest.mark.parametrize("overlay", OVERLAYS)

PREDICTOR = {"matchExpressions": [{"key": "serving.kserve.io/inferenceservice", "operator": "Exists"}]}


def from_namespaces(*names: str) -> dict[str, Any]:
    """Return a peer: all pods of these namespaces."""
    expression = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": list(names)}
    return {"namespaceSelector": {"matchExpressions": [expression]}}


def from_pods(**labels: str) -> dict[str, Any]:
    """Return a peer: pods of the policy's own namespace."""
    return {"podSelector": {"matchLabels": {key.replace("__", "/"): value for key, value in labels.items()}}}


def server(name: str) -> dict[str, Any]:
    """Return the selector of one of our servers."""
    return {"matchLabels": {"app.kubernetes.io/name": name}}


@overlays
def test_everything_is_closed_by_default(overlay: str) -> None:
    """Any pod of the cluster could read weights, or run flows."""
    denied = [
        policy["metadata"]["namespace"]
        for policy in of_kind(overlay, "NetworkPolicy")
        if policy["spec"] == {"podSelector": {}, "policyTypes": ["Ingress"]}
    ]
    assert sorted(denied) == sorted(NAMESPACES)


@overlays
def test_policies_survive_kustomize(overlay: str) -> None:
    """Kustomize's transformers once rewrote the policies' namespaces and selectors, and nothing reached anything."""
    opened = {
        policy["metadata"]["name"]: (
            policy["metadata"]["namespace"],
            policy["spec"]["podSelector"],
            policy["spec"]["ingress"],
        )
        for policy in of_kind(overlay, "NetworkPolicy")
        if "ingress" in policy["spec"]
    }
    flow_run = {"podSelector": {"matchLabels": {"slipway.dev/component": "flow-run"}}}
    worker = {"podSelector": {"matchLabels": {"slipway.dev/component": "worker"}}}
    evaluation = {
        "podSelector": {
            "matchLabels": {"app.kubernetes.io/component": "evaluation", "app.kubernetes.io/part-of": "slipway"}
        }
    }
    clients = {"namespaceSelector": {"matchLabels": {"slipway.dev/model-client": "true"}}}
    wanted = {
        "predictor-from-clients": ("private-ai-demo", PREDICTOR, [flow_run, evaluation, clients], 8080),
        "prefect-server-from-worker-and-flows": (
            "private-ai-demo",
            server("prefect-server"),
            [worker, flow_run],
            4200,
        ),
        "prefect-database-from-server": (
            "private-ai-demo",
            server("prefect-database"),
            [{"podSelector": server("prefect-server")}],
            5432,
        ),
        "minio-from-workload-and-registry": (
            "model-storage",
            server("minio"),
            [from_namespaces("private-ai-demo", "rhoai-model-registries"), {"podSelector": server("minio-bucket")}],
            9000,
        ),
        "registry-from-workload-dashboard-and-mesh": (
            "rhoai-model-registries",
            {"matchLabels": {"app": "private-ai-model-registry"}},
            [from_namespaces("private-ai-demo", "redhat-ods-applications", "opendatahub", "istio-system")],
            8080,
        ),
        "registry-database-from-server": (
            "rhoai-model-registries",
            server("model-registry-db"),
            [from_pods(app="private-ai-model-registry")],
            3306,
        ),
    }
    for name, (namespace, selector, peers, port) in wanted.items():
        assert opened.pop(name) == (
            namespace,
            selector,
            [{"from": peers, "ports": [{"protocol": "TCP", "port": port}]}],
        )
    extra = {
        "kubernetes": {"predictor-from-monitoring"},
        "openshift": {
            "minio-from-router",
            "operator-pods-from-dashboard",
            "predictor-from-mesh",
            "predictor-from-monitoring",
            "prefect-server-from-router",
        },
    }
    assert set(opened) == extra[overlay]


@overlays
def test_every_opening_has_peers_and_ports(overlay: str) -> None:
    """An empty list means everybody, or every port."""
    for policy in of_kind(overlay, "NetworkPolicy"):
        for rule in policy["spec"].get("ingress", []):
            assert rule["from"], policy["metadata"]["name"]
            assert rule["ports"], policy["metadata"]["name"]
            assert all(peer.get("podSelector") or peer.get("namespaceSelector") for peer in rule["from"])


@overlays
def test_every_server_is_reachable(overlay: str) -> None:
    """A server that no policy selects is closed to all: default-deny covers it."""
    for owner, template in pods(overlay):
        if owner["metadata"]["name"] in {"prefect-worker", "minio-bucket"}:
            continue  # these only call others
        labels = template["metadata"]["labels"].items()
        ports = {port["containerPort"] for port in template["spec"]["containers"][0]["ports"]}
        opened = {
            port["port"]
            for policy in of_kind(overlay, "NetworkPolicy")
            if policy["metadata"]["namespace"] == owner["metadata"]["namespace"]
            and (selector := policy["spec"]["podSelector"].get("matchLabels"))
            and selector.items() <= labels
            for rule in policy["spec"]["ingress"]
            for port in rule["ports"]
        }
        assert opened == ports, owner["metadata"]["name"]


@pytest.mark.parametrize("file", sorted(PLATFORM.rglob("kustomization.yaml")), ids=lambda file: file.parent.name)
def test_no_kustomization_uses_a_transformer_that_rewrites_selectors(file: Path) -> None:
    """One line at the top of a kustomization would change every policy below it."""
    assert (
        not {"namespace", "labels", "commonLabels", "namePrefix", "nameSuffix"}
        & yaml.safe_load(file.read_text()).keys()
    )
