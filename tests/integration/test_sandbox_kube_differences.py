"""Where the sandbox's Kubernetes is not one: each difference that its SUPPORT.md lists and no other test shows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from k8s.cluster import Cluster, JobWatch, Right, connect
from k8s.cluster.connection import Connection, open_connection
from tests.integration.sandbox_kube import pod, serving

Json = dict[str, Any]
_NAMESPACE = "default"
_WIDGETS: Json = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "gadgets.test.dev"},
    "spec": {
        "group": "test.dev",
        "scope": "Namespaced",
        "names": {"kind": "Gadget", "plural": "gadgets", "singular": "gadget"},
        "versions": [
            {
                "name": name,
                "served": True,
                "storage": name == "v1",
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {"spec": {"properties": {"n": {"type": "integer"}}}},
                    }
                },
            }
            for name in ("v1", "v2")
        ],
    },
}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Our client; one cluster for all tests of this file."""
    with serving(tmp_path_factory.mktemp("kube")) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(server.kubeconfig))
        yield connect()


@pytest.fixture
def api(cluster: Cluster) -> Connection:  # noqa: ARG001 - it sets KUBECONFIG
    """Requests as they are."""
    return open_connection()


def _object(kind: str, name: str, *, version: str = "v1", **more: object) -> Json:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": _NAMESPACE}, **more}


def test_every_token_may_do_everything(cluster: Cluster) -> None:
    """A missing right shows on a real cluster only: tests/cluster/test_rights.py."""
    assert cluster.missing_rights((Right("delete", "namespaces"), Right("escalate", "roles")), namespace="x") == ()


def test_limits_and_policies_are_stored_and_not_enforced(cluster: Cluster, api: Connection) -> None:
    """What a limit range refuses, and a policy cuts off, works here."""
    minimum = {"limits": [{"type": "Container", "min": {"memory": "1Gi"}}]}
    cluster.apply(_object("LimitRange", "minimum", spec=minimum))
    deny = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    cluster.apply(_object("NetworkPolicy", "deny", version="networking.k8s.io/v1", spec=deny))
    little = {"resources": {"requests": {"memory": "1Mi"}, "limits": {"memory": "1Mi"}}}
    api.request("POST", "/api/v1/namespaces/default/pods", body=pod("little", "true", container=little))
    cluster.delete("v1", "LimitRange", "minimum", namespace=_NAMESPACE)


def test_a_quota_counts_no_other_kinds(cluster: Cluster) -> None:
    """A quota of ConfigMaps refuses the second one on a cluster."""
    cluster.apply(_object("ResourceQuota", "few", spec={"hard": {"count/configmaps": "1"}}))
    for name in ("first", "second"):
        cluster.apply(_object("ConfigMap", name, data={}))
    cluster.delete("v1", "ResourceQuota", "few", namespace=_NAMESPACE)


def test_a_stateful_set_gets_no_pods(cluster: Cluster, api: Connection) -> None:
    """It is taken, and nothing comes of it; a Deployment's replica set would have been made by then."""
    template = {"metadata": {"labels": {"app": "set"}}, "spec": pod("x", "true")["spec"]}
    spec = {"serviceName": "set", "selector": {"matchLabels": {"app": "set"}}, "template": template}
    cluster.apply(_object("StatefulSet", "set", version="apps/v1", spec=spec))
    held = api.request("GET", "/apis/apps/v1/namespaces/default/statefulsets/set")
    assert "replicas" not in (held.get("status") or {})


def test_a_services_address_leads_nowhere(cluster: Cluster) -> None:
    """Pods are processes of this machine; only a node port is served."""
    spec = {"selector": {"app": "x"}, "ports": [{"port": 80}]}
    assert cluster.apply(_object("Service", "nowhere", spec=spec))["spec"]["clusterIP"] == "127.0.0.1"


def test_unknown_fields_are_stored(cluster: Cluster) -> None:
    """A typing mistake that a real API drops, or refuses by a definition, is kept here."""
    assert cluster.apply(_object("ConfigMap", "odd", data={}, dta={"a": "1"}))["dta"] == {"a": "1"}
    cluster.apply(_WIDGETS)
    gadget = _object("Gadget", "g", version="test.dev/v1", spec={"n": "no number"})
    assert cluster.apply(gadget)["spec"] == {"n": "no number"}


def test_versions_of_a_definition_share_one_form(cluster: Cluster, api: Connection) -> None:
    """Nothing is converted: only the version's name changes."""
    cluster.apply(_WIDGETS)
    cluster.apply(_object("Gadget", "both", version="test.dev/v1", spec={"n": 1}))
    seen = api.request("GET", "/apis/test.dev/v2/namespaces/default/gadgets/both")
    assert (seen["apiVersion"], seen["spec"]) == ("test.dev/v2", {"n": 1})


def test_kinds_have_no_schemas(api: Connection) -> None:
    """`kubectl explain` has nothing to tell."""
    assert api.request("GET", "/openapi/v3/api/v1")["components"]["schemas"] == {}


def test_a_list_goes_on_in_the_present_state(cluster: Cluster, api: Connection) -> None:
    """A cluster would still show what was deleted after the first page."""
    for name in ("page-a", "page-b", "page-c"):
        cluster.apply(_object("ConfigMap", name, data={}))
    path, query = "/api/v1/namespaces/default/configmaps", {"limit": "1", "labelSelector": ""}
    first = api.request("GET", path, query=query)
    cluster.delete("v1", "ConfigMap", "page-c", namespace=_NAMESPACE)
    names, more = [], first["metadata"].get("continue")
    while more:
        page = api.request("GET", path, query={**query, "continue": more})
        names += [each["metadata"]["name"] for each in page["items"]]
        more = page["metadata"].get("continue")
    assert "page-b" in names
    assert "page-c" not in names


def test_no_service_account_is_required(api: Connection) -> None:
    """A cluster refuses a pod whose account does not exist."""
    body = pod("nobodys", "true", serviceAccountName="nobody")
    assert api.request("POST", "/api/v1/namespaces/default/pods", body=body)["spec"]["serviceAccountName"] == "nobody"


def test_the_user_of_a_pod_is_the_servers(cluster: Cluster) -> None:
    """A pod that asks for a user of its own runs as the server's."""
    template = pod("x", f"test $(id -u) = {os.getuid()}", securityContext={"runAsUser": 12345})["spec"]
    job = _object("Job", "user", version="batch/v1", spec={"backoffLimit": 0, "template": {"spec": template}})
    cluster.run_job(job, watch=JobWatch(timeout_seconds=60))
