"""The JSONPaths of printer columns, and how many pods a rollout has at each step."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.kube.api import printer_paths
from sandbox.kube.controllers.deployment_status import sizes

Json = dict[str, Any]

SERVICE = {
    "metadata": {"annotations": {"a.b/c": "dotted"}},
    "spec": {"containers": [{"name": "first"}, {"name": "second"}]},
    "status": {
        "conditions": [{"type": "Other", "status": "False"}, {"type": "Ready", "status": "True"}],
        "traffic": [{"latestRevision": True, "percent": 100}],
    },
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (".status.conditions[?(@.type=='Ready')].status", "True"),
        ('.status.conditions[?(@.type=="Ready")].status', "True"),
        (".status.traffic[?(@.latestRevision==true)].percent", 100),
        (".status.traffic[?(@.tag=='prev')].percent", None),
        (".spec.containers[*].name", "first"),
        (".spec.containers[1].name", "second"),
        (".metadata.annotations.a\\.b/c", "dotted"),
        (".status.missing.field", None),
    ],
)
def test_a_printer_column_reads_what_its_path_names(path: str, value: object) -> None:
    """`kubectl get isvc` would show an empty READY."""
    assert printer_paths.read(SERVICE, path) == value


def deployment(strategy: str, *, surge: int = 1, unavailable: int = 0) -> Json:
    """Return a Deployment of two pods."""
    rolling = {"rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}} if strategy != "Recreate" else {}
    return {"spec": {"replicas": 2, "strategy": {"type": strategy, **rolling}}}


def replica_set(size: int, *, available: int) -> Json:
    """Return a ReplicaSet."""
    return {"spec": {"replicas": size}, "status": {"availableReplicas": available}}


def test_recreate_waits_for_the_last_old_pod() -> None:
    """The new pod's GPUs are those of the old one."""
    assert sizes(deployment("Recreate"), None, [replica_set(2, available=2)], old_pods=2) == (0, [0])
    assert sizes(deployment("Recreate"), None, [replica_set(0, available=0)], old_pods=1) == (0, [0])
    assert sizes(deployment("Recreate"), None, [replica_set(0, available=0)], old_pods=0) == (2, [0])


def test_a_rolling_update_grows_by_its_surge_and_shrinks_by_what_is_to_spare() -> None:
    """Fewer available pods than promised are an outage."""
    rolling = deployment("RollingUpdate")
    assert sizes(rolling, None, [replica_set(2, available=2)], old_pods=2) == (1, [2])
    assert sizes(rolling, replica_set(1, available=0), [replica_set(2, available=2)], old_pods=2) == (1, [2])
    assert sizes(rolling, replica_set(1, available=1), [replica_set(2, available=2)], old_pods=2) == (1, [1])
    # A set that was just made smaller still counts the pod that ends.
    assert sizes(rolling, replica_set(1, available=1), [replica_set(1, available=2)], old_pods=2) == (2, [1])
