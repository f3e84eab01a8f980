"""Objects are applied in the order in which they need each other."""

from __future__ import annotations

from k8s.cluster.applying import in_order


def test_what_others_need_comes_first() -> None:
    """A fresh install could not converge: the namespace came after what lives in it."""
    kinds = ["InferenceService", "Deployment", "ServingRuntime", "Secret", "ServiceAccount", "Namespace"]
    kinds += ["ValidatingWebhookConfiguration", "RoleBinding", "Role", "CustomResourceDefinition", "Job"]
    assert [each["kind"] for each in in_order({"kind": kind} for kind in kinds)] == [
        "CustomResourceDefinition",
        "Namespace",
        "ServiceAccount",
        "Role",
        "RoleBinding",
        "Secret",
        "Deployment",
        "ServingRuntime",
        "Job",
        "ValidatingWebhookConfiguration",
        "InferenceService",
    ]


def test_objects_of_one_kind_keep_their_order() -> None:
    """Who writes two ConfigMaps in an order may mean it."""
    names = [each["name"] for each in in_order([{"kind": "Secret", "name": "b"}, {"kind": "Secret", "name": "a"}])]
    assert names == ["b", "a"]
