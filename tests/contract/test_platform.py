"""The platform's YAML: it renders, it is valid, and its names and numbers are the intended ones."""

from __future__ import annotations

import json
import re
from urllib.parse import urlsplit

import pytest
from kubernetes_validate import ValidationError, validate

from k8s.manifests.kserve_storage import S3Address, service_account
from tests.contract.platform_objects import (
    CLUSTER_SCOPED,
    NAMESPACES,
    OVERLAYS,
    PROJECT,
    containers,
    documented_secrets,
    label,
    named,
    of_kind,
    rendered,
)

OLDEST, NEWEST = "1.27", "1.35"
"""Releases of Kubernetes whose schemas core objects are held to."""

# Definitions of operators, which no Kubernetes schema describes.
CUSTOM_GROUPS = {
    "modelregistry.opendatahub.io",
    "networking.istio.io",
    "route.openshift.io",
    "security.istio.io",
    "security.openshift.io",
}

overlays = pytest.mark.parametrize("overlay", OVERLAYS)


@overlays
@pytest.mark.parametrize("release", [OLDEST, NEWEST])
def test_every_object_is_valid(overlay: str, release: str) -> None:
    """A cluster would refuse an object half-way through an install, or ignore a misspelt field."""
    wrong = []
    for each in rendered(overlay):
        if each["apiVersion"].partition("/")[0] in CUSTOM_GROUPS:
            continue
        try:
            validate(each, release, strict=True)
        except ValidationError as error:
            wrong.append(f"{label(each)}: {error.message}")
    assert wrong == []


@overlays
def test_every_object_names_its_namespace(overlay: str) -> None:
    """An object would land in whatever namespace the administrator's kubeconfig happens to name."""
    assert [
        label(each)
        for each in rendered(overlay)
        if (each["kind"] in CLUSTER_SCOPED) == (each["metadata"].get("namespace") in NAMESPACES)
    ] == []


@overlays
def test_every_name_is_unique(overlay: str) -> None:
    """Of two objects of one name the second would silently replace the first."""
    names = [label(each) for each in rendered(overlay)]
    assert sorted(set(names)) == sorted(names)


@overlays
def test_no_secret_is_in_the_platform(overlay: str) -> None:
    """A password would be in git, the same on every cluster."""
    assert of_kind(overlay, "Secret") == []


@overlays
def test_quota_and_limits_are_those_of_the_platform(overlay: str) -> None:
    """The quota would let a third model in, or refuse the second; a larger minimum refused Knative's queue-proxy."""
    quota = named(overlay, "ResourceQuota", "ai-workload-quota", namespace="private-ai-demo")
    assert quota["spec"] == {"hard": {"requests.nvidia.com/gpu": "8", "limits.nvidia.com/gpu": "8"}}
    [limit_range] = of_kind(overlay, "LimitRange")
    assert limit_range["spec"]["limits"] == [
        {
            "type": "Container",
            "default": {"cpu": "2", "memory": "8Gi"},
            "max": {"cpu": "64", "memory": "128Gi"},
            "min": {"cpu": "10m", "memory": "8Mi"},
        }
    ]


@overlays
def test_volumes_have_the_sizes_of_the_platform(overlay: str) -> None:
    """MinIO would run full during an import, or a claim would not fit the cluster."""
    sizes = {
        each["metadata"]["name"]: each["spec"]["resources"]["requests"]["storage"]
        for each in of_kind(overlay, "PersistentVolumeClaim")
    }
    assert sizes == {"minio-data": "500Gi", "model-registry-db": "10Gi", "prefect-database": "10Gi"}


def test_the_predictors_account_is_the_one_that_deploying_expects() -> None:
    """The static account and the one of k8s.manifests would overwrite each other's annotations at every apply."""
    address = S3Address(endpoint="http://minio.model-storage.svc:9000", region="us-east-1")
    wanted = service_account(address, namespace="private-ai-demo")
    for overlay in OVERLAYS:
        assert named(overlay, "ServiceAccount", "ai-workload-sa") == wanted


@overlays
def test_what_the_work_pool_refers_to_is_there(overlay: str) -> None:
    """Every flow run's pod would wait for an account, a ConfigMap or a Secret that nobody makes."""
    pool = json.loads((PROJECT / "deployments" / "work-pool.json").read_text())
    variables = pool["variables"]["properties"]
    namespace = variables["namespace"]["default"]
    [container] = pool["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]["containers"]
    named(overlay, "ServiceAccount", variables["service_account_name"]["default"], namespace=namespace)
    for source in container["envFrom"]:
        named(overlay, "ConfigMap", source["configMapRef"]["name"], namespace=namespace)
    secrets = documented_secrets()
    for entry in container["env"]:
        if "valueFrom" not in entry:
            continue
        reference = entry["valueFrom"]["secretKeyRef"]
        namespaces, keys = secrets[reference["name"]]
        assert namespace in namespaces
        assert reference["key"] in keys


@overlays
def test_the_worker_neither_invents_a_pool_nor_watches_the_whole_cluster(overlay: str) -> None:
    """Pods of Prefect's own template have no secrets; an observer of all namespaces needs rights in all of them."""
    [worker] = containers(named(overlay, "Deployment", "prefect-worker")["spec"]["template"])
    assert {"--pool=slipway", "--type=kubernetes", "--no-create-pool-if-not-found"} <= set(worker["args"])
    environment = {entry["name"]: entry.get("value") for entry in worker["env"]}
    assert environment["PREFECT_INTEGRATIONS_KUBERNETES_OBSERVER_NAMESPACES"] == "private-ai-demo"


def test_the_mesh_limits_each_model_and_never_repeats_a_completion() -> None:
    """A retried completion runs twice on the GPU; a short time limit cuts long answers off."""
    for name, connections, pending in (("mistral-24b-quantized", 50, 20), ("mistral-24b", 100, 30)):
        host = f"{name}-predictor.private-ai-demo.svc.cluster.local"
        service = named("openshift", "VirtualService", f"{name}-limits")["spec"]
        assert service["hosts"] == [host]
        assert [(http["timeout"], http["retries"]) for http in service["http"]] == [("120s", {"attempts": 0})]
        rule = named("openshift", "DestinationRule", f"{name}-limits")["spec"]
        assert rule == {
            "host": host,
            "trafficPolicy": {
                "connectionPool": {
                    "tcp": {"maxConnections": connections},
                    "http": {
                        "http1MaxPendingRequests": pending,
                        "maxRequestsPerConnection": 1,
                        "idleTimeout": "300s",
                    },
                },
                "outlierDetection": {
                    "consecutive5xxErrors": 5,
                    "interval": "30s",
                    "baseEjectionTime": "30s",
                    "maxEjectionPercent": 50,
                },
            },
        }


@overlays
def test_the_environment_of_flow_runs_has_no_misspelt_variable(overlay: str) -> None:
    """A misspelt variable is ignored: the flows would use a default, or another registry than the platform's."""
    known = set(re.findall(r"^#?([A-Z_]+)=", (PROJECT / ".env.template").read_text(), flags=re.MULTILINE))
    of_libraries = {"PREFECT_SERVER_ANALYTICS_ENABLED", "DO_NOT_TRACK", "HF_HUB_DISABLE_TELEMETRY"}
    environment = named(overlay, "ConfigMap", "slipway-environment")["data"]
    assert environment.keys() - of_libraries <= known
    for variable, name, namespace in (
        ("PREFECT_API_URL", "prefect-server", "private-ai-demo"),
        ("AWS_ENDPOINT_URL", "minio", "model-storage"),
        ("SLIPWAY_REGISTRY_URL", "private-ai-model-registry", "rhoai-model-registries"),
    ):
        address = urlsplit(environment[variable])
        assert address.hostname == f"{name}.{namespace}.svc"
        # On OpenShift the operator makes the registry's Service.
        if (overlay, name) != ("openshift", "private-ai-model-registry"):
            ports = {port["port"] for port in named(overlay, "Service", name, namespace=namespace)["spec"]["ports"]}
            assert address.port in ports
