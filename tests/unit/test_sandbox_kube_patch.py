"""How the sandbox's Kubernetes changes objects: the three patches, and fields with owners."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.kube.errors import ApiError
from sandbox.kube.ownership import Writer, after_update, apply
from sandbox.kube.patch import json_patch, merge, strategic_merge

Json = dict[str, Any]
FIRST = Writer(manager="first", operation="Apply", api_version="v1")
SECOND = Writer(manager="second", operation="Apply", api_version="v1")
PLAIN = Writer(manager="editor", operation="Update", api_version="v1")


def pod(**containers: Json) -> Json:
    """Return a pod of containers by name."""
    listed = [{"name": name, **fields} for name, fields in containers.items()]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": listed}}


def test_a_merge_patch_removes_by_null() -> None:
    """RFC 7386: a label could never be taken off."""
    assert merge({"a": {"b": 1, "c": 2}, "d": [1]}, {"a": {"b": None}, "d": [2]}) == {"a": {"c": 2}, "d": [2]}


@pytest.mark.parametrize(
    ("operation", "result"),
    [
        ({"op": "add", "path": "/a/-", "value": 3}, {"a": [1, 2, 3], "b/c": 1}),
        ({"op": "add", "path": "/a/0", "value": 3}, {"a": [3, 1, 2], "b/c": 1}),
        ({"op": "remove", "path": "/b~1c"}, {"a": [1, 2]}),
        ({"op": "replace", "path": "/a/1", "value": 5}, {"a": [1, 5], "b/c": 1}),
        ({"op": "move", "from": "/a", "path": "/z"}, {"z": [1, 2], "b/c": 1}),
        ({"op": "test", "path": "/b~1c", "value": 1}, {"a": [1, 2], "b/c": 1}),
    ],
)
def test_json_patch_operations(operation: Json, result: Json) -> None:
    """RFC 6902: patches of kubectl and controllers would land elsewhere."""
    assert json_patch({"a": [1, 2], "b/c": 1}, [operation]) == result


def test_a_json_patch_whose_test_fails_is_refused() -> None:
    """Compare-and-set would overwrite."""
    with pytest.raises(ApiError, match="testing value /a failed"):
        json_patch({"a": 1}, [{"op": "test", "path": "/a", "value": 2}])


def test_a_strategic_merge_changes_one_item_of_a_list() -> None:
    """A changed image would drop the other containers."""
    live = pod(a={"image": "1", "env": [{"name": "X", "value": "1"}]}, b={"image": "1"})
    change = {"spec": {"containers": [{"name": "a", "image": "2", "env": [{"name": "Y", "value": "2"}]}]}}
    merged = pod(a={"image": "2", "env": [{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}]}, b={"image": "1"})
    assert strategic_merge(live, change) == merged


def test_a_strategic_merge_deletes_an_item_by_its_key() -> None:
    """`kubectl apply` of a manifest that lost a container says so by `$patch: delete`."""
    change = {
        "spec": {"containers": [{"name": "a", "$patch": "delete"}], "$setElementOrder/containers": [{"name": "b"}]}
    }
    assert strategic_merge(pod(a={}, b={}), change) == pod(b={})


def test_apply_merges_items_and_removes_those_it_no_longer_wants() -> None:
    """Two managers share a list of containers; each adds and removes only its own."""
    live = apply(pod(), pod(a={"image": "1"}), FIRST, force=False)
    live = apply(live, pod(b={"image": "1"}), SECOND, force=False)
    live = apply(live, pod(), FIRST, force=False)
    assert live["spec"] == pod(b={"image": "1"})["spec"]


def test_an_edit_by_hand_takes_the_field_over() -> None:
    """`kubectl edit` would be undone by the next apply without a word."""
    before = apply(pod(a={"image": "1"}), pod(a={"image": "1"}), FIRST, force=False)
    after = pod(a={"image": "2"})
    after["metadata"]["managedFields"] = after_update(before, after, PLAIN)
    with pytest.raises(ApiError, match=r'conflict with "editor" using v1: .spec.containers\[name="a"\].image'):
        apply(after, pod(a={"image": "1"}), FIRST, force=False)


def test_managers_that_agree_own_a_field_together() -> None:
    """A field would go although somebody still wants it."""
    live = apply(pod(), pod(a={"image": "1"}), FIRST, force=False)
    live = apply(live, pod(a={"image": "1"}), SECOND, force=False)
    assert apply(live, pod(), FIRST, force=False)["spec"] == pod(a={"image": "1"})["spec"]


_TREES = st.recursive(
    st.integers() | st.text(max_size=3),
    lambda inner: st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), _TREES), st.dictionaries(st.sampled_from(["a", "b"]), _TREES))
def test_what_is_applied_is_there_and_applying_it_again_changes_nothing(first: Json, second: Json) -> None:
    """An apply that does not settle would be made again on every run."""
    live = {"metadata": {}, "data": {}}
    live = apply(live, {"metadata": {}, "data": first}, FIRST, force=True)
    live = apply(live, {"metadata": {}, "data": second}, SECOND, force=True)
    again = apply(live, {"metadata": {}, "data": second}, SECOND, force=False)
    assert again["data"] == live["data"]
    assert merge(live["data"], second) == live["data"]
