"""Who may do what in the cluster: least rights, and enough of them."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from k8s.cluster import JOB_RIGHTS
from k8s.manifests import build_job, evaluation_job, kserve_storage
from tests.contract.platform_objects import OVERLAYS, label, named, of_kind, pods

overlays = pytest.mark.parametrize("overlay", OVERLAYS)
ROLES = ("Role", "ClusterRole")
BINDINGS = ("RoleBinding", "ClusterRoleBinding")
WITHOUT_RIGHTS = {"ai-workload-sa", "slipway-jobs", "prefect-server"}


def rights(role: dict[str, Any]) -> set[tuple[str, str, str]]:
    """Return what a role allows, as (verb, resource, group); rules for named objects only are left out."""
    return {
        (verb, resource, group)
        for rule in role["rules"]
        if "resourceNames" not in rule
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


@overlays
def test_no_role_has_a_wildcard(overlay: str) -> None:
    """A wildcard grants what the next release of the cluster adds."""
    rules = [rule for role in of_kind(overlay, *ROLES) for rule in role["rules"]]
    assert not [rule for rule in rules if "*" in {*rule["apiGroups"], *rule["resources"], *rule["verbs"]}]


@overlays
def test_cluster_wide_rights_only_read_capacity(overlay: str) -> None:
    """A flow could change other teams' namespaces, or read their Secrets and environments."""
    [role] = of_kind(overlay, "ClusterRole")
    assert rights(role) == {
        *((verb, "nodes", "") for verb in ("get", "list", "watch")),
        *((verb, "storageclasses", "storage.k8s.io") for verb in ("get", "list")),
    }


@overlays
def test_flows_may_run_jobs(overlay: str) -> None:
    """Every import's preflight would refuse: rights missing."""
    role = named(overlay, "Role", "slipway-flows", namespace="private-ai-demo")
    assert {(right.verb, right.resource, right.group) for right in JOB_RIGHTS} <= rights(role)


@overlays
def test_flows_may_deploy_and_explain(overlay: str) -> None:
    """A deploy would fail at its first apply, or say "forbidden" instead of why a pod does not start."""
    allowed = rights(named(overlay, "Role", "slipway-flows", namespace="private-ai-demo"))
    kserve = "serving.kserve.io"
    for verb in ("create", "get", "list", "watch", "patch", "delete"):
        assert (verb, "inferenceservices", kserve) in allowed
    for verb in ("create", "get", "patch"):
        assert (verb, "servingruntimes", kserve) in allowed
        assert (verb, "persistentvolumeclaims", "") in allowed
        assert (verb, "podmonitors", "monitoring.coreos.com") in allowed
    for resource, group in (("deployments", "apps"), ("replicasets", "apps"), ("pods", ""), ("events", "")):
        assert {("get", resource, group), ("list", resource, group), ("watch", resource, group)} <= allowed


@overlays
def test_no_flow_deletes_weights(overlay: str) -> None:
    """A bug in a flow would take the way back to the previous version with the claim."""
    for role in of_kind(overlay, *ROLES):
        assert not {
            ("delete", "persistentvolumeclaims", ""),
            ("deletecollection", "persistentvolumeclaims", ""),
        } & rights(role)


@overlays
def test_secrets_are_read_by_name_only(overlay: str) -> None:
    """`list secrets` gives away every password of the namespace, Prefect's database and API among them."""
    about_secrets = [
        (role["metadata"]["name"], rule["verbs"], sorted(rule.get("resourceNames", [])))
        for role in of_kind(overlay, *ROLES)
        for rule in role["rules"]
        if "secrets" in rule["resources"]
    ]
    names = ["huggingface-token", "minio-credentials", "quay-credentials", "s3-credentials-kserve"]
    assert about_secrets == [("slipway-flows", ["get"], names)]


@overlays
def test_the_worker_may_do_what_prefects_worker_does_and_no_more(overlay: str) -> None:
    """Flow runs would stay Pending, or a stolen worker token could deploy models."""
    role = named(overlay, "Role", "slipway-worker", namespace="private-ai-demo")
    assert rights(role) == {
        *((verb, "jobs", "batch") for verb in ("create", "get", "list", "watch", "delete")),
        *((verb, "pods", "") for verb in ("get", "list", "watch")),
        ("get", "pods/log", ""),
        ("create", "events", ""),
    }


@overlays
def test_accounts_without_rights_have_none(overlay: str) -> None:
    """A prompt that takes over a model's server, or an image that a build pulls in, could call the cluster."""
    bound = {subject["name"] for each in of_kind(overlay, *BINDINGS) for subject in each["subjects"]}
    extra = {"kubernetes": {"slipway-worker", "slipway-flows"}, "openshift": {"slipway-worker", "slipway-flows"}}
    if overlay == "openshift":
        extra["openshift"].add("runtime-builder")
        role = named("openshift", "Role", "runtime-builder", namespace="private-ai-demo")
        [rule] = role["rules"]
        assert (rule["verbs"], rule["resourceNames"]) == (["use"], ["slipway-runtime-builder"])
    assert bound == extra[overlay]
    accounts = {each["metadata"]["name"] for each in of_kind(overlay, "ServiceAccount")}
    assert accounts - bound == WITHOUT_RIGHTS | {"runtime-builder"} - bound


@overlays
def test_every_binding_binds_what_is_there(overlay: str) -> None:
    """A binding to a misspelt account or role is accepted, and grants nothing."""
    accounts = {
        (each["metadata"]["namespace"], each["metadata"]["name"]) for each in of_kind(overlay, "ServiceAccount")
    }
    for each in of_kind(overlay, *BINDINGS):
        named(overlay, each["roleRef"]["kind"], each["roleRef"]["name"])
        for subject in each["subjects"]:
            assert (subject["namespace"], subject["name"]) in accounts, label(each)


@overlays
def test_only_the_worker_has_a_token(overlay: str) -> None:
    """A token that nobody uses is one that only a thief would."""
    with_token = []
    accounts = {
        (each["metadata"]["namespace"], each["metadata"]["name"]) for each in of_kind(overlay, "ServiceAccount")
    }
    for owner, template in pods(overlay):
        account = template["spec"].get("serviceAccountName")
        assert account is None or (owner["metadata"]["namespace"], account) in accounts, label(owner)
        if template["spec"]["automountServiceAccountToken"]:
            with_token.append(account)
    assert with_token == ["slipway-worker"]
    assert all(each["automountServiceAccountToken"] is False for each in of_kind(overlay, "ServiceAccount"))


@overlays
@pytest.mark.parametrize("maker", [build_job, evaluation_job, kserve_storage], ids=lambda maker: maker.__name__)
def test_the_accounts_of_generated_pods_are_there(overlay: str, maker: ModuleType) -> None:
    """A Job whose account is missing makes no pod, and says so only in its events."""
    named(overlay, "ServiceAccount", maker.SERVICE_ACCOUNT, namespace="private-ai-demo")
