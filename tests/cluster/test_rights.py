"""The platform's roles on an API server that enforces them: enough for each account, and no more."""

from __future__ import annotations

from pathlib import Path

import pytest

from k8s.cluster import JOB_RIGHTS, Cluster, Right, connect
from k8s.errors import ForbiddenError
from tests.cluster import platform

_WORKER_RIGHTS = (
    *(Right(verb, "jobs", "batch") for verb in ("create", "get", "list", "watch", "delete")),
    *(Right(verb, "pods") for verb in ("get", "list", "watch")),
    Right("get", "pods/log"),
)
_NOBODYS = (
    Right("list", "secrets"),
    Right("create", "secrets"),
    Right("create", "pods"),
    Right("create", "pods/exec"),
    Right("delete", "pods"),
    Right("delete", "persistentvolumeclaims"),
    Right("create", "rolebindings", "rbac.authorization.k8s.io"),
    Right("escalate", "roles", "rbac.authorization.k8s.io"),
    Right("impersonate", "serviceaccounts"),
    Right("delete", "namespaces"),
    Right("patch", "nodes"),
)
_WITHOUT_ANY = ("runtime-builder", "slipway-jobs", "ai-workload-sa", "prefect-server")


@pytest.fixture
def prepared(cluster: Cluster, namespace: str) -> str:
    """A namespace with the platform's accounts and roles."""
    for thing in platform.access(namespace):
        if not thing["kind"].startswith("Cluster"):
            cluster.apply(thing)
    return namespace


@pytest.fixture
def acting(
    cluster: Cluster, prepared: str, kubeconfig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> platform.Acting:
    """Our client with the rights of an account of that namespace."""

    def as_account(account: str) -> Cluster:
        file = tmp_path / account
        platform.account_kubeconfig(cluster, account, namespace=prepared, admin=kubeconfig, file=file)
        monkeypatch.setenv("KUBECONFIG", str(file))
        return connect()

    return as_account


def _held(account: Cluster, rights: tuple[Right, ...], *, namespace: str) -> list[str]:
    missing = account.missing_rights(rights, namespace=namespace)
    return [str(right) for right in rights if right not in missing]


def test_flows_may_do_what_running_a_job_takes(acting: platform.Acting, prepared: str) -> None:
    """A role that lacks one verb fails an import after an hour of transfer."""
    assert acting("slipway-flows").missing_rights(JOB_RIGHTS, namespace=prepared) == ()


def test_the_worker_may_do_what_making_pods_takes(acting: platform.Acting, prepared: str) -> None:
    """A worker without one of these leaves every run `Pending`."""
    assert acting("slipway-worker").missing_rights(_WORKER_RIGHTS, namespace=prepared) == ()


@pytest.mark.parametrize("account", ["slipway-flows", "slipway-worker", *_WITHOUT_ANY])
def test_no_account_may_read_secrets_or_give_itself_rights(
    acting: platform.Acting, prepared: str, account: str
) -> None:
    """Who takes over one pod must not get the cluster with it."""
    assert _held(acting(account), _NOBODYS, namespace=prepared) == []


@pytest.mark.parametrize("account", _WITHOUT_ANY)
def test_accounts_of_plain_pods_have_no_rights(acting: platform.Acting, prepared: str, account: str) -> None:
    """A build that may read pods can read what its neighbours are given."""
    assert _held(acting(account), (*JOB_RIGHTS, *_WORKER_RIGHTS), namespace=prepared) == []


@pytest.mark.parametrize("account", ["slipway-flows", "slipway-worker"])
def test_rights_end_at_the_namespace(acting: platform.Acting, prepared: str, account: str) -> None:
    """Other teams share the cluster."""
    assert prepared != "default"
    assert _held(acting(account), (*JOB_RIGHTS, *_WORKER_RIGHTS), namespace="default") == []


def test_flows_may_read_the_secrets_that_preflight_asks_about_and_no_other(
    acting: platform.Acting, cluster: Cluster, prepared: str
) -> None:
    """Preflight looks for keys of four Secrets; a fifth one is none of its business."""
    for name in ("huggingface-token", "somebody-elses"):
        about = {"name": name, "namespace": prepared}
        cluster.apply({"apiVersion": "v1", "kind": "Secret", "metadata": about, "stringData": {"key": "value"}})
    flows = acting("slipway-flows")
    assert flows.secret_keys("huggingface-token", namespace=prepared) == ("Opaque", frozenset({"key"}))
    with pytest.raises(ForbiddenError, match="somebody-elses"):
        flows.secret_keys("somebody-elses", namespace=prepared)
