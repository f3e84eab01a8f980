"""Server-side apply on a real API server: fields have owners there."""

from __future__ import annotations

import pytest

from k8s.cluster import Cluster
from k8s.cluster.connection import APPLY, open_connection
from k8s.errors import ConflictError, InvalidManifestError, UnknownKindError
from tests.cluster.pods import Json

KUBERNETES = ("sandbox", "real")


def _config_map(namespace: str, **data: str) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "shared", "namespace": namespace},
        "data": data,
    }


def _apply_as(manager: str, manifest: Json) -> None:
    """Apply as somebody else would."""
    path = f"/api/v1/namespaces/{manifest['metadata']['namespace']}/configmaps/shared"
    open_connection().request("PATCH", path, query={"fieldManager": manager}, body=manifest, content=APPLY)


def test_a_field_of_another_manager_survives_our_apply(cluster: Cluster, namespace: str) -> None:
    """An administrator's own label or key must not vanish with our next deployment."""
    _apply_as("administrator", _config_map(namespace, theirs="1"))
    cluster.apply(_config_map(namespace, ours="1"))
    held = cluster.get("v1", "ConfigMap", "shared", namespace=namespace)
    assert held is not None
    assert held["data"] == {"ours": "1", "theirs": "1"}


def test_a_field_that_another_manager_set_otherwise_is_a_conflict(cluster: Cluster, namespace: str) -> None:
    """Overwriting what somebody changed by hand must be a decision, not an accident."""
    _apply_as("administrator", _config_map(namespace, limit="3"))
    with pytest.raises(ConflictError, match="administrator"):
        cluster.apply(_config_map(namespace, limit="5"))


def test_force_takes_the_field_over(cluster: Cluster, namespace: str) -> None:
    """Where the decision was made, it must hold, and hold for the next apply too."""
    _apply_as("administrator", _config_map(namespace, limit="3"))
    cluster.apply(_config_map(namespace, limit="5"), force=True)
    applied = cluster.apply(_config_map(namespace, limit="6"))
    assert applied["data"] == {"limit": "6"}


def test_what_we_no_longer_ask_for_goes_away(cluster: Cluster, namespace: str) -> None:
    """A setting that was taken out of a manifest must not live on in the cluster."""
    cluster.apply(_config_map(namespace, kept="1", dropped="1"))
    assert cluster.apply(_config_map(namespace, kept="1"))["data"] == {"kept": "1"}


def test_a_manifest_that_the_api_refuses_says_why(cluster: Cluster, namespace: str) -> None:
    """A typing mistake must be told with the field's name, not as a stack trace."""
    broken = {**_config_map(namespace), "data": {"key": 5}}
    with pytest.raises(InvalidManifestError, match="data"):
        cluster.apply(broken)


def test_a_kind_that_is_not_installed_says_so(cluster: Cluster, namespace: str) -> None:
    """A cluster without an operator must name what is missing."""
    thing = {**_config_map(namespace), "apiVersion": "nowhere.slipway.dev/v1", "kind": "Nothing"}
    with pytest.raises(UnknownKindError, match="does not know Nothing"):
        cluster.apply(thing)
