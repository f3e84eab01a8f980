"""The sandbox's Kubernetes API as the official client sees it: verbs, errors, watches, ownership."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import kubernetes
import pytest
from kubernetes.client.exceptions import ApiException

from tests.integration.sandbox_kube import PATIENCE, Client, Json, Server, serving

WIDGETS = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.test.dev"},
    "spec": {
        "group": "test.dev",
        "scope": "Namespaced",
        "names": {"kind": "Widget", "plural": "widgets"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object"}},
                "subresources": {"status": {}},
            }
        ],
    },
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serve one cluster for all tests of this file; each test's objects have names of their own."""
    with serving(tmp_path_factory.mktemp("kube")) as server:
        yield server


@pytest.fixture(scope="module")
def client(server: Server) -> Client:
    """Return an official client."""
    return server.client()


@pytest.fixture(scope="module")
def core(client: Client) -> Client:
    """Return the core API."""
    return kubernetes.client.CoreV1Api(client)


def config_map(name: str, data: dict[str, str] | None = None, **metadata: object) -> Json:
    """Return a ConfigMap."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}, "data": data or {}}


def apply(core: Client, body: Json, manager: str, *, force: bool = False) -> Client:
    """Server-side apply a ConfigMap."""
    return core.patch_namespaced_config_map(
        body["metadata"]["name"],
        "default",
        body,
        field_manager=manager,
        force=force or None,
        _content_type="application/apply-patch+yaml",
    )


def refused(call: Client, *arguments: object, **options: object) -> tuple[int, str]:
    """Return the code and the body of a refusal."""
    with pytest.raises(ApiException) as caught:
        call(*arguments, **options)
    return caught.value.status, str(caught.value.body)


def test_a_second_object_of_a_name_is_refused(core: Client) -> None:
    """Without AlreadyExists, a re-run could not tell its own earlier object from a new one."""
    core.create_namespaced_config_map("default", config_map("twice"))
    code, body = refused(core.create_namespaced_config_map, "default", config_map("twice"))
    assert code == 409
    assert '"reason": "AlreadyExists"' in body


def test_a_missing_object_is_a_404_status(core: Client) -> None:
    """The adapters read `reason` to tell a missing object from a missing server."""
    code, body = refused(core.read_namespaced_config_map, "nothing", "default")
    assert code == 404
    assert 'configmaps \\"nothing\\" not found' in body


def test_a_stale_update_conflicts(core: Client) -> None:
    """Two writers would silently overwrite each other."""
    first = core.create_namespaced_config_map("default", config_map("stale", {"a": "1"}))
    core.patch_namespaced_config_map("stale", "default", {"data": {"a": "2"}})
    first.data = {"a": "3"}
    code, body = refused(core.replace_namespaced_config_map, "stale", "default", first)
    assert code == 409
    assert "the object has been modified" in body


def test_an_object_in_a_missing_namespace_is_refused(core: Client) -> None:
    """Apply before the namespace exists has to fail as it does on a cluster."""
    assert refused(core.create_namespaced_config_map, "nowhere", config_map("x"))[0] == 404


def test_a_malformed_job_is_refused_by_field(client: Client) -> None:
    """A wrong manifest would be found only when it hangs."""
    job = {"metadata": {"name": "bad"}, "spec": {"template": {"spec": {"containers": []}}}}
    code, body = refused(kubernetes.client.BatchV1Api(client).create_namespaced_job, "default", job)
    assert code == 422
    assert "spec.template.spec.restartPolicy" in body


def test_lists_select_and_page(core: Client) -> None:
    """Big clusters are read in pages, and by labels."""
    for number in range(5):
        core.create_namespaced_config_map("default", config_map(f"page-{number}", labels={"set": "pages"}))
    names, more = [], None
    while True:
        page = core.list_namespaced_config_map(
            "default", label_selector="set in (pages),!other", limit=2, _continue=more
        )
        names += [item.metadata.name for item in page.items]
        more = page.metadata._continue  # noqa: SLF001 - the client's own name for `continue`
        if not more:
            break
    assert names == [f"page-{number}" for number in range(5)]
    chosen = core.list_namespaced_config_map("default", field_selector="metadata.name=page-3").items
    assert [item.metadata.name for item in chosen] == ["page-3"]


def test_a_watch_tells_what_enters_changes_and_leaves_its_selection(core: Client) -> None:
    """A controller that watches by label would keep objects that lost the label."""
    start = core.list_namespaced_config_map("default").metadata.resource_version
    core.create_namespaced_config_map("default", config_map("seen", labels={"watch": "yes"}))
    core.create_namespaced_config_map("default", config_map("unseen"))
    core.patch_namespaced_config_map("seen", "default", {"data": {"a": "1"}})
    core.patch_namespaced_config_map("seen", "default", {"metadata": {"labels": {"watch": None}}})
    watch = kubernetes.watch.Watch()
    told = []
    for event in watch.stream(
        core.list_namespaced_config_map,
        "default",
        label_selector="watch=yes",
        resource_version=start,
        timeout_seconds=PATIENCE,
    ):
        told.append((event["type"], event["raw_object"]["metadata"]["name"]))
        if event["type"] == "DELETED":
            watch.stop()
    assert told == [("ADDED", "seen"), ("MODIFIED", "seen"), ("DELETED", "seen")]


def test_a_watch_from_before_the_history_is_gone(core: Client) -> None:
    """A client that was away for long has to list again, and learns that by a 410."""
    stream = kubernetes.watch.Watch().stream(
        core.list_namespaced_config_map, "default", resource_version="999999999", timeout_seconds=2
    )
    with pytest.raises(ApiException) as caught:
        next(stream)
    assert caught.value.status == 410


def test_apply_refuses_another_managers_field_unless_forced(core: Client) -> None:
    """Two owners of one field would undo each other's work in turns."""
    apply(core, config_map("owned", {"a": "1", "b": "1"}), "first")
    code, body = refused(apply, core, config_map("owned", {"a": "2"}), "second")
    assert code == 409
    assert 'conflict with \\"first\\" using v1: .data.a' in body
    assert apply(core, config_map("owned", {"a": "2"}), "second", force=True).data == {"a": "2", "b": "1"}
    assert refused(apply, core, config_map("owned", {"a": "1", "b": "1"}), "first")[0] == 409


def test_apply_removes_what_its_manager_no_longer_wants(core: Client) -> None:
    """A key that is dropped from a manifest would live on in the cluster."""
    apply(core, config_map("shrinking", {"a": "1", "b": "1"}), "first")
    apply(core, config_map("shrinking", {"b": "1"}), "second")
    assert apply(core, config_map("shrinking", {}), "first").data == {"b": "1"}


def test_an_unchanged_apply_changes_nothing(core: Client) -> None:
    """Every re-run would wake all watchers."""
    first = apply(core, config_map("same", {"a": "1"}), "first")
    again = apply(core, config_map("same", {"a": "1"}), "first")
    assert again.metadata.resource_version == first.metadata.resource_version


def test_a_dry_run_leaves_no_object(core: Client) -> None:
    """Preflight asks with dry-run whether it may create; nothing may stay behind."""
    made = core.create_namespaced_config_map("default", config_map("dry"), dry_run="All")
    assert made.metadata.uid
    assert refused(core.read_namespaced_config_map, "dry", "default")[0] == 404


def test_a_finalizer_holds_an_object_until_it_is_removed(core: Client) -> None:
    """Controllers clean up outside of the cluster before an object may go."""
    core.create_namespaced_config_map("default", config_map("held", finalizers=["test.dev/wait"]))
    core.delete_namespaced_config_map("held", "default")
    assert core.read_namespaced_config_map("held", "default").metadata.deletion_timestamp
    core.patch_namespaced_config_map("held", "default", {"metadata": {"finalizers": None}})
    assert refused(core.read_namespaced_config_map, "held", "default")[0] == 404


def _owner(core: Client, name: str) -> None:
    owner = core.create_namespaced_config_map("default", config_map(name))
    reference = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": name,
        "uid": owner.metadata.uid,
        "blockOwnerDeletion": True,
    }
    core.create_namespaced_config_map("default", config_map(f"{name}-child", ownerReferences=[reference]))


def _await_deleted(core: Client, *names: str) -> None:
    left = set(names)
    present = core.list_namespaced_config_map("default")
    left &= {item.metadata.name for item in present.items}
    if not left:
        return
    watch = kubernetes.watch.Watch()
    since = present.metadata.resource_version
    for event in watch.stream(
        core.list_namespaced_config_map, "default", resource_version=since, timeout_seconds=PATIENCE
    ):
        if event["type"] == "DELETED":
            left.discard(event["raw_object"]["metadata"]["name"])
        if not left:
            watch.stop()
    assert not left


@pytest.mark.parametrize("policy", ["Background", "Foreground"])
def test_dependents_go_with_their_owner(core: Client, policy: str) -> None:
    """Deleted Jobs would leave their pods behind."""
    name = f"owner-{policy.lower()}"
    _owner(core, name)
    core.delete_namespaced_config_map(name, "default", propagation_policy=policy)
    _await_deleted(core, name, f"{name}-child")


def test_orphaned_dependents_stay(core: Client) -> None:
    """`--cascade=orphan` is how a Job is replaced without losing its pod."""
    _owner(core, "owner-orphan")
    core.delete_namespaced_config_map("owner-orphan", "default", propagation_policy="Orphan")
    _await_deleted(core, "owner-orphan")
    assert core.read_namespaced_config_map("owner-orphan-child", "default").metadata.owner_references is None


def test_a_namespace_goes_with_all_that_is_in_it(core: Client) -> None:
    """`kubectl delete namespace` would hang or leak."""
    core.create_namespace({"metadata": {"name": "doomed"}})
    core.create_namespaced_config_map("doomed", config_map("inside"))
    since = core.list_namespace().metadata.resource_version
    core.delete_namespace("doomed")
    watch = kubernetes.watch.Watch()
    for event in watch.stream(
        core.list_namespace, field_selector="metadata.name=doomed", resource_version=since, timeout_seconds=PATIENCE
    ):
        if event["type"] == "DELETED":
            watch.stop()
    assert refused(core.read_namespace, "doomed")[0] == 404
    assert core.list_config_map_for_all_namespaces(field_selector="metadata.name=inside").items == []


def test_a_definition_serves_its_kind_and_takes_it_away(client: Client) -> None:
    """InferenceServices are custom resources: they live and go with their definition."""
    definitions = kubernetes.client.ApiextensionsV1Api(client)
    custom = kubernetes.client.CustomObjectsApi(client)
    definitions.create_custom_resource_definition(WIDGETS)
    widget = {"apiVersion": "test.dev/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"size": 1}}
    at = ("test.dev", "v1", "default", "widgets")
    custom.create_namespaced_custom_object(*at, widget)
    custom.patch_namespaced_custom_object_status(*at, "w", {"status": {"ready": True}})
    found = custom.get_namespaced_custom_object(*at, "w")
    assert (found["spec"], found["status"], found["metadata"]["generation"]) == ({"size": 1}, {"ready": True}, 1)
    definitions.delete_custom_resource_definition("widgets.test.dev")
    assert refused(custom.get_namespaced_custom_object, *at, "w")[0] == 404


def test_only_callers_with_a_token_are_served(server: Server) -> None:
    """The API runs commands as the user: others on the machine must not reach it."""
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"http://127.0.0.1:{server.port}/api/v1/pods")
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/healthz") as answer:
        assert answer.status == 200
    assert Path(server.kubeconfig).stat().st_mode & 0o777 == 0o600


def test_what_the_sandbox_cannot_do_is_said_so(server: Server, core: Client) -> None:
    """An unsupported call that pretends to work would be trusted."""
    code, body = refused(core.connect_get_namespaced_pod_exec, "any", "default", command=["ls"])
    assert code == 501
    assert "SUPPORT.md" in body
    assert server.port
