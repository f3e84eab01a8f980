"""What only an administrator asks of a cluster: previews, other accounts' rights, conditions of any kind."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from k8s.cluster.awaiting import await_state, only
from k8s.cluster.client import Cluster
from k8s.cluster.connection import APPLY, Query, open_connection
from k8s.cluster.job_start import FIELD_MANAGER
from k8s.cluster.rights import Right, allowed
from k8s.cluster.watching import Source
from k8s.fields import condition

_VERBS_OF_APPLY = ("get", "create", "patch")

Json = dict[str, Any]


class Administrator(Cluster):
    """A cluster, seen by somebody who installs the platform on it. Build it with `administer()`."""

    def preview(self, manifest: Json, *, force: bool = False) -> Json:
        """Return what an object would be after `apply`; nothing is changed (server-side dry run).

        Args:
            manifest: the whole object as we want it.
            force: as of `apply`.

        Raises:
            ConflictError: another manager holds a field with another value.
            ClusterError: the API refuses the manifest.
        """
        path = self._path(manifest["apiVersion"], manifest["kind"], manifest["metadata"])
        query: Query = {"fieldManager": FIELD_MANAGER, "force": force, "dryRun": "All"}
        return self._connection.request("PATCH", path, query=query, body=manifest, content=APPLY)

    def missing_to_apply(self, manifests: Iterable[Json]) -> tuple[str, ...]:
        """Return the rights that we lack for applying objects, as `kubectl auth can-i` says them.

        Kinds that the cluster does not know are left out: nobody can say who may apply them.
        """
        wanted = set()
        for manifest in manifests:
            api_version, namespace = manifest["apiVersion"], manifest["metadata"].get("namespace", "")
            if not self.serves(api_version, manifest["kind"]):
                continue
            plural = self._discovery.collection(api_version, manifest["kind"], namespace=None).rpartition("/")[2]
            group = api_version.rpartition("/")[0]
            wanted |= {(Right(verb, plural, group), namespace) for verb in _VERBS_OF_APPLY}
        return tuple(
            f"{right} -n {namespace}" if namespace else str(right)
            for right, namespace in sorted(wanted, key=str)
            if not allowed(self._connection, right, namespace=namespace)
        )

    def account_may(self, right: Right, *, account: str, namespace: str) -> bool:
        """Tell whether a service account holds a right in its own namespace (SubjectAccessReview).

        Args:
            right: what.
            account: the service account's name.
            namespace: its namespace.
        """
        resource, _, subresource = right.resource.partition("/")
        attributes = {"namespace": namespace, "verb": right.verb, "group": right.group, "resource": resource}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": f"system:serviceaccount:{namespace}:{account}",
                "groups": ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"],
                "resourceAttributes": attributes | ({"subresource": subresource} if subresource else {}),
            },
        }
        answer = self._connection.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", body=review)
        return bool(answer.get("status", {}).get("allowed", False))

    def await_condition(self, manifest: Json, wanted: str, *, timeout_seconds: float) -> bool:
        """Wait until an object has a condition; tells whether it has it in time.

        Args:
            manifest: the object, as applied.
            wanted: the condition's type, such as `Available`.
            timeout_seconds: how long.
        """
        return self._await(manifest, lambda thing: condition(thing, wanted) is not None, timeout_seconds)

    def await_phase(self, manifest: Json, wanted: str, *, timeout_seconds: float) -> bool:
        """Wait until an object is in a phase, as `await_condition` does."""
        return self._await(manifest, lambda thing: thing.get("status", {}).get("phase") == wanted, timeout_seconds)

    def _await(self, manifest: Json, until: Callable[[Json], bool], seconds: float) -> bool:
        metadata = manifest["metadata"]
        path = self._discovery.collection(manifest["apiVersion"], manifest["kind"], namespace=metadata.get("namespace"))
        return await_state(
            self._connection,
            Source("object", path, only(metadata["name"])),
            until=lambda found: any(map(until, found)),
            deadline=time.monotonic() + seconds,
        )


def administer() -> Administrator:
    """Connect as `connect()` does, with an administrator's questions.

    Raises:
        NoKubeconfigError: there is no usable configuration.
    """
    return Administrator(open_connection())
