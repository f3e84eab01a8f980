"""The cluster client against an API that fails in every way that an API server does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client

from k8s.cluster import connect
from k8s.cluster.connection import Connection, open_connection
from k8s.cluster.feed import Change, Feed, LogEnded, LogLine
from k8s.cluster.interruption import Interruption
from k8s.cluster.logs import follow_log, log_tail
from k8s.cluster.watching import Source, watching
from k8s.errors import (
    ClusterUnavailableError,
    ConflictError,
    ForbiddenError,
    InvalidManifestError,
    NoKubeconfigError,
    ResourceNotFoundError,
    UnauthorizedError,
    UnknownKindError,
    UntrustedApiError,
)
from tests.integration.scripted_api import Answer, ScriptedApi, cut_text, listed, plain, serving, status, stream, text
from tests.integration.self_signed import self_signed, serving_tls

PODS = Source("pods", "/api/v1/namespaces/ns/pods", {"labelSelector": "job-name=x"})


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedApi]:
    """Serve a script that the test fills, at the address of KUBECONFIG."""
    script = ScriptedApi()
    (tmp_path / "token").write_text("throw-away")
    with serving(script, tmp_path / "kubeconfig") as script.address:
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
        yield script


@pytest.fixture
def connection(api: ScriptedApi) -> Connection:
    """Connect to the script."""
    assert not api.asked
    return open_connection()


def _pod(name: str, *, version: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "uid": name, "resourceVersion": version}}


def _event(kind: str, name: str, *, version: str) -> dict[str, Any]:
    return {"type": kind, "object": _pod(name, version=version)}


def _next(feed: Feed) -> tuple[str, list[str]]:
    news = feed.next(seconds=60)
    assert isinstance(news, Change)
    return news.kind, [thing["metadata"]["name"] for thing in news.objects]


def test_a_dropped_watch_goes_on_where_it_was(api: ScriptedApi, connection: Connection) -> None:
    """A load balancer closes idle connections every few minutes; nothing may be missed or seen as new."""
    api.answers = [
        listed(_pod("a", version="1"), version="5"),
        stream(_event("ADDED", "b", version="6"), rest='{"type": "MODI'),
        stream(_event("DELETED", "b", version="7")),
    ]
    with watching(connection, PODS) as feed:
        assert [_next(feed) for _ in range(3)] == [("listed", ["a"]), ("changed", ["b"]), ("deleted", ["b"])]
    assert "resourceVersion=5" in api.asked[1]
    assert "resourceVersion=6" in api.asked[2]


@pytest.mark.parametrize(
    "gone", [status(410, "too old"), stream({"type": "ERROR", "object": {"code": 410, "message": "too old"}})]
)
def test_a_forgotten_version_is_listed_again(api: ScriptedApi, connection: Connection, gone: Answer) -> None:
    """The API keeps its history for minutes: a watch that comes back later must start over, not fail."""
    api.answers = [listed(version="5"), gone, listed(_pod("a", version="9"), version="9")]
    with watching(connection, PODS) as feed:
        assert [_next(feed) for _ in range(2)] == [("listed", []), ("listed", ["a"])]


def test_a_restarting_api_is_waited_for(api: ScriptedApi, connection: Connection) -> None:
    """An API server's rolling update must not kill a two-hour build."""
    api.answers = [
        listed(version="5"),
        status(503, "starting"),
        status(503, "starting"),
        listed(_pod("a", version="9"), version="9"),
    ]
    with watching(connection, PODS) as feed:
        assert [_next(feed) for _ in range(2)] == [("listed", []), ("listed", ["a"])]


def test_an_api_that_stays_away_is_given_up(api: ScriptedApi, connection: Connection) -> None:
    """Waiting for ever would hide that the cluster is gone."""
    api.answers = [status(503, "starting")] * 20
    with (
        watching(connection, PODS, outage_seconds=0.5) as feed,
        pytest.raises(ClusterUnavailableError, match="503: starting"),
    ):
        _next(feed)


def test_a_watch_that_we_may_not_have_fails_at_once(api: ScriptedApi, connection: Connection) -> None:
    """A missing right does not come by waiting."""
    api.answers = [status(403, "no")]
    with watching(connection, PODS) as feed, pytest.raises(ForbiddenError, match="not allowed to read"):
        _next(feed)


def test_an_open_watch_ends_when_we_do(api: ScriptedApi, connection: Connection) -> None:
    """A thread that still reads would keep the flow's process alive after the Job."""
    api.answers = [listed(version="5")]
    with watching(connection, PODS) as feed:
        assert _next(feed) == ("listed", [])
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("watch-")]


def test_a_followed_log_that_is_cut_goes_on_without_repeating_a_line(api: ScriptedApi, connection: Connection) -> None:
    """The API takes a time in whole seconds to go on from, and so sends the last lines again."""
    begun = "2026-01-01T00:00:01Z one\n2026-01-01T00:00:01.5Z two\n"
    api.answers = [cut_text(begun), text(begun + "2026-01-01T00:00:01.25Z late\n2026-01-01T00:00:01.75Z three\n")]
    pod = {"metadata": {"name": "x", "namespace": "ns"}, "spec": {"containers": [{"name": "main"}]}}
    feed = Feed(Interruption())
    follow_log(connection, pod, feed)
    news = [feed.next(seconds=60) for _ in range(4)]
    assert news == [LogLine("one"), LogLine("two"), LogLine("three"), LogEnded()]
    assert "sinceTime=2026-01-01T00%3A00%3A01Z" in api.asked[1]


def test_failure_16_no_reader_of_a_log_gets_its_secrets(api: ScriptedApi, connection: Connection) -> None:
    """The lines go into errors, which Prefect's server stores, and into flow logs (docs/failures.md, row 16)."""
    said = "download with hf_abcdefghijklmnopqrstuv\nAWS_SECRET_ACCESS_KEY=throw-away\n"
    shown = ("download with (hidden)", "AWS_SECRET_ACCESS_KEY=(hidden)")
    api.answers = [text(said), text(said)]
    pod = {"metadata": {"name": "x", "namespace": "ns"}, "spec": {"containers": [{"name": "main"}]}}
    assert log_tail(connection, pod, lines=5) == shown
    feed = Feed(Interruption())
    follow_log(connection, pod, feed)
    assert [feed.next(seconds=60) for _ in range(3)] == [*map(LogLine, shown), LogEnded()]


def test_failure_13_a_rotated_token_is_read_again(api: ScriptedApi) -> None:
    """Service account tokens expired after 118 minutes, and builds died with them (docs/failures.md, row 13).

    In a cluster the vendor's hook reads the mounted token again; it runs only if each request asks for the token.
    """
    api.answers = [listed(version="1"), listed(version="1")]
    mounted = ["bearer first"]
    configuration = client.Configuration(host=api.address, api_key={"BearerToken": mounted[0]})
    configuration.refresh_api_key_hook = lambda it: it.api_key.update(BearerToken=mounted[0])
    connection = Connection(client.ApiClient(configuration))
    connection.request("GET", "/api/v1/pods")
    mounted[0] = "bearer rotated"
    connection.request("GET", "/api/v1/pods")
    assert api.tokens == ["bearer first", "bearer rotated"]


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (status(401, "Unauthorized"), UnauthorizedError, "kubectl auth whoami"),
        (status(403, "pods is forbidden"), ForbiddenError, "pods is forbidden"),
        (status(404, "not found"), UnknownKindError, "kubectl api-resources"),
        (status(500, "etcd"), ClusterUnavailableError, "500: etcd"),
        (status(429, "slow down"), ClusterUnavailableError, "slow down"),
        (status(500, "failed to create typed patch object: .data.key"), InvalidManifestError, "data.key"),
    ],
)
def test_each_refusal_has_an_error_of_ours(
    api: ScriptedApi, answer: Answer, error: type[Exception], words: str
) -> None:
    """A vendor's ApiException with its headers in a flow's log helps nobody."""
    api.answers = [answer]
    with pytest.raises(error, match=words):
        connect().apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "ns"}})


def test_a_conflict_names_who_else_manages_the_field(api: ScriptedApi) -> None:
    """Two managers of one field is a decision for a person, who needs to know the other one."""
    api.answers = [
        plain(200, {"resources": [{"name": "configmaps", "kind": "ConfigMap", "namespaced": True}]}),
        status(409, 'Apply failed with 1 conflict: conflict with "helm": .data.a'),
    ]
    with pytest.raises(ConflictError, match='conflict with "helm"'):
        connect().apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "ns"}})


def test_an_api_that_is_not_there_is_transient(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A refused connection must be retried by the task, so it must not be a vendor's error."""
    with serving(ScriptedApi(), tmp_path / "kubeconfig"):
        (tmp_path / "token").write_text("throw-away")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    with pytest.raises(ClusterUnavailableError, match="does not answer") as caught:
        connect().version()
    assert caught.value.transient


def test_an_api_with_another_authority_is_not_tried_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A wrong CA in a kubeconfig never mends itself: the task would be retried, and 'does not answer' is not true."""
    kubeconfig = tmp_path / "kubeconfig"
    with serving(ScriptedApi(), kubeconfig) as plain_address:
        (tmp_path / "token").write_text("throw-away")
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    with serving_tls(self_signed(tmp_path, authority="a stranger")) as (address, asked):
        kubeconfig.write_text(kubeconfig.read_text().replace(plain_address, address))
        with pytest.raises(UntrustedApiError, match=r"self-signed certificate.*`certificate-authority`") as caught:
            connect().version()
    assert not caught.value.transient
    assert asked == []


def test_no_kubeconfig_says_what_to_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A newcomer without a cluster must read how to get one."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(NoKubeconfigError, match="export KUBECONFIG"):
        connect()


@pytest.mark.parametrize(
    "words", ["unable to retrieve container logs for containerd://c4ec82", "failed to try resolving symlinks in path"]
)
def test_the_kubelets_own_words_are_no_log(api: ScriptedApi, connection: Connection, words: str) -> None:
    """The log of a pod that is being deleted reads 'unable to retrieve': that hid the build's last words."""
    api.answers = [text(f"{words} /var/log/pods/x: no such file or directory")]
    pod = {"metadata": {"name": "x", "namespace": "ns"}, "spec": {"containers": [{"name": "main"}]}}
    with pytest.raises(ResourceNotFoundError, match=words):
        log_tail(connection, pod, lines=5)


def test_what_the_kubelet_adds_to_a_log_is_not_the_containers_word(api: ScriptedApi, connection: Connection) -> None:
    """A failure would end in a sentence about a lost container, in place of the program's own."""
    lost = 'rpc error: code = NotFound desc = an error occurred when try to find container "21c12a": not found'
    api.answers = [text(f"working\n{lost}\n")]
    pod = {"metadata": {"name": "x", "namespace": "ns"}, "spec": {"containers": [{"name": "main"}]}}
    assert log_tail(connection, pod, lines=5) == ("working",)
