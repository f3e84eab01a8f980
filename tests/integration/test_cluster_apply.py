"""Many objects applied in order against the sandbox's Kubernetes, and what admission refuses against a scripted one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from k8s.cluster import Cluster, connect
from k8s.cluster.connection import APPLY, open_connection
from k8s.errors import AdmissionError, ConflictError, NotEstablishedError, UnknownKindError
from tests.integration.kube_server import kube_server
from tests.integration.scripted_api import ScriptedApi, plain, serving, status

Json = dict[str, Any]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Serve one empty cluster for all tests of this file."""
    with kube_server(tmp_path_factory.mktemp("kube")) as kubeconfig, pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(kubeconfig))
        yield connect()


def _definition(plural: str, kind: str) -> Json:
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": plural, "singular": kind.lower(), "kind": kind},
            "versions": [version],
        },
    }


def _namespace(name: str) -> Json:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _config_map(namespace: str, value: str = "1") -> Json:
    metadata = {"name": "settings", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": value}}


def test_a_fresh_install_converges_in_one_go(cluster: Cluster) -> None:
    """Objects came before their namespace and their CRD, and a second run was needed (docs/failures.md, row 17)."""
    custom = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w", "namespace": "fresh"}}
    told: list[str] = []
    wanted = [custom, _config_map("fresh"), _namespace("fresh"), _definition("widgets", "Widget")]
    applied = cluster.apply_all(wanted, on_progress=told.append)
    assert told == [
        "applied CustomResourceDefinition widgets.example.com",
        "applied Namespace fresh",
        "applied ConfigMap settings",
        "applied Widget w",
    ]
    assert all(each["metadata"]["uid"] for each in applied)
    assert [each["metadata"]["name"] for each in cluster.objects("example.com/v1", "Widget", namespace="fresh")] == [
        "w"
    ]


def test_a_kind_that_nobody_brings_is_refused_at_once(cluster: Cluster) -> None:
    """Waiting for a CRD that is not among the manifests would wait for ever."""
    stray = {"apiVersion": "nobody.example.com/v1", "kind": "Stray", "metadata": {"name": "s"}}
    with pytest.raises(UnknownKindError):
        cluster.apply_all([stray])


def test_a_field_of_another_manager_is_a_conflict_until_it_is_forced(cluster: Cluster) -> None:
    """Two managers of one field is a decision for a person, who needs to know the other one."""
    cluster.apply_all([_namespace("shared")])
    path = "/api/v1/namespaces/shared/configmaps/settings"
    theirs = _config_map("shared", "theirs")
    open_connection().request("PATCH", path, query={"fieldManager": "helm"}, body=theirs, content=APPLY)
    with pytest.raises(ConflictError, match="helm"):
        cluster.apply_all([_config_map("shared", "ours")])
    assert cluster.apply_all([_config_map("shared", "ours")], force=True)[0]["data"] == {"a": "ours"}


def test_a_namespace_that_is_going_is_told(cluster: Cluster) -> None:
    """Everything in it would be refused with an unhelpful 403, one by one."""
    namespace = _namespace("going")
    namespace["metadata"]["finalizers"] = ["example.com/hold"]
    cluster.apply_all([namespace])
    cluster.delete("v1", "Namespace", "going")
    with pytest.raises(NotEstablishedError, match="Namespace going is not Active") as caught:
        cluster.apply_all([namespace], timeout_seconds=0.5)
    assert caught.value.transient


CRDS = {"resources": [{"name": "inferenceservices", "kind": "InferenceService", "namespaced": True}]}
SERVICE = {
    "apiVersion": "serving.kserve.io/v1beta1",
    "kind": "InferenceService",
    "metadata": {"name": "m", "namespace": "ns"},
}


@pytest.mark.parametrize(
    ("code", "message", "transient", "words"),
    [
        (400, 'admission webhook "v.kserve.io" denied the request: no runtime', False, "v.kserve.io refuses it: no"),
        (
            500,
            'Internal error: failed calling webhook "v.kserve.io": no endpoints',
            True,
            "v.kserve.io does not answer",
        ),
        (
            403,
            "exceeded quota: q, requested: count/isvc=1, used: count/isvc=2, limited: count/isvc=2",
            True,
            "kubectl describe quota -n ns",
        ),
    ],
)
def test_what_admission_refuses_names_who_refuses_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, message: str, words: str, *, transient: bool
) -> None:
    """'Not allowed' sends people to their role bindings, where nothing is wrong."""
    api = ScriptedApi(answers=[plain(200, CRDS), status(code, message)])
    (tmp_path / "token").write_text("throw-away")
    with serving(api, tmp_path / "kubeconfig"):
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
        with pytest.raises(AdmissionError) as caught:
            connect().apply_all([SERVICE])
    assert words in str(caught.value)
    assert caught.value.transient is transient
