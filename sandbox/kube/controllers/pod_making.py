"""What controllers that make pods share: a pod from a template, and whether a pod is ready."""

import copy
import secrets

from sandbox.kube.objects import Object, dig, labels_of, name_of, namespace_of, uid_of

ENDED = frozenset({"Succeeded", "Failed"})
_LONGEST_BASE = 57  # a name is its owner's, cut so that a dash and five letters fit into 63
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"  # as Kubernetes: no vowels, no digits that look like letters


def reference(owner: Object) -> Object:
    """Return the owner reference of what a controller makes for an object."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": name_of(owner),
        "uid": uid_of(owner),
        "controller": True,
        "blockOwnerDeletion": True,
    }


def pod_of(owner: Object) -> Object:
    """Return a new pod from the template of its owner."""
    template = copy.deepcopy(owner["spec"]["template"])
    meta = {
        **template.get("metadata", {}),
        "name": f"{name_of(owner)[:_LONGEST_BASE]}-{''.join(secrets.choice(_LETTERS) for _ in range(5))}",
        "generateName": f"{name_of(owner)}-",
        "namespace": namespace_of(owner),
        "ownerReferences": [reference(owner)],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": template["spec"]}


def is_active(pod: Object) -> bool:
    """Tell whether a pod has not ended and is not about to."""
    return dig(pod, "status.phase") not in ENDED and not dig(pod, "metadata.deletionTimestamp")


def is_ready(pod: Object) -> bool:
    """Tell whether a pod is ready."""
    conditions = dig(pod, "status.conditions") or []
    return any(entry["type"] == "Ready" and entry["status"] == "True" for entry in conditions)


def selects(selector: dict[str, str], obj: Object) -> bool:
    """Tell whether an object has all labels of a selector; an empty selector selects nothing."""
    labels = labels_of(obj)
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())
