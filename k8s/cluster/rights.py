"""Asks the API what we may do, before we need to do it."""

from __future__ import annotations

from dataclasses import dataclass

from k8s.cluster.connection import Connection


@dataclass(frozen=True)
class Right:
    """One thing to be allowed in a namespace.

    Attributes:
        verb: such as `create`.
        resource: the plural, with its subresource if any: `pods/log`.
        group: the API group, empty for core.
    """

    verb: str
    resource: str
    group: str = ""

    def __str__(self) -> str:
        """Say it as RBAC and kubectl do: `create jobs.batch`."""
        resource, _, subresource = self.resource.partition("/")
        name = f"{resource}.{self.group}" if self.group else resource
        return f"{self.verb} {name}/{subresource}" if subresource else f"{self.verb} {name}"


def allowed(connection: Connection, right: Right, *, namespace: str) -> bool:
    """Tell whether we hold a right in a namespace (SelfSubjectAccessReview, which everybody may ask)."""
    resource, _, subresource = right.resource.partition("/")
    attributes = {"namespace": namespace, "verb": right.verb, "group": right.group, "resource": resource}
    if subresource:
        attributes["subresource"] = subresource
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    answer = connection.request("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body=review)
    return bool(answer.get("status", {}).get("allowed", False))
