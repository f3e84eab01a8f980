"""The cluster as flows see it: what it is, what we may do, apply, get, delete, and run a Job."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from k8s.cluster.connection import APPLY, Connection, Query, open_connection
from k8s.cluster.discovery import Discovery
from k8s.cluster.job_start import FIELD_MANAGER
from k8s.cluster.jobs import JobResult, JobWatch, run_job
from k8s.cluster.rights import Right, allowed
from k8s.errors import ResourceNotFoundError

Json = dict[str, Any]


class Cluster:
    """One Kubernetes cluster. Build it with `connect()`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._discovery = Discovery(connection)

    @property
    def address(self) -> str:
        """The API server's URL."""
        return self._connection.address

    def version(self) -> str:
        """Return the API server's version, such as `v1.31.2`."""
        return str(self._connection.request("GET", "/version")["gitVersion"])

    def can(self, verb: str, resource: str, *, group: str = "", namespace: str) -> bool:
        """Tell whether we may do something in a namespace.

        Args:
            verb: such as `create`.
            resource: the plural, with its subresource if any: `pods/log`.
            group: the API group, empty for core.
            namespace: where.
        """
        return allowed(self._connection, Right(verb, resource, group), namespace=namespace)

    def missing_rights(self, rights: Iterable[Right], *, namespace: str) -> tuple[Right, ...]:
        """Return those rights that we do not hold in a namespace."""
        return tuple(right for right in rights if not allowed(self._connection, right, namespace=namespace))

    def apply(self, manifest: Json, *, force: bool = False) -> Json:
        """Create or change an object to what its manifest says (server-side apply, field manager `slipway`).

        Args:
            manifest: the whole object as we want it; fields of other managers stay.
            force: take over fields that another manager holds with another value.

        Returns:
            The object as the API holds it now.

        Raises:
            ConflictError: another manager holds a field with another value.
        """
        path = self._path(manifest["apiVersion"], manifest["kind"], manifest["metadata"])
        query: Query = {"fieldManager": FIELD_MANAGER, "force": force}
        applied: Json = self._connection.request("PATCH", path, query=query, body=manifest, content=APPLY)
        return applied

    def get(self, api_version: str, kind: str, name: str, *, namespace: str | None = None) -> Json | None:
        """Return an object, or None if there is none of that name."""
        path = self._path(api_version, kind, {"name": name, "namespace": namespace})
        try:
            found: Json = self._connection.request("GET", path)
        except ResourceNotFoundError:
            return None
        return found

    def delete(self, api_version: str, kind: str, name: str, *, namespace: str | None = None) -> bool:
        """Delete an object, and in the background what it owns.

        Returns:
            False if there was none of that name.
        """
        path = self._path(api_version, kind, {"name": name, "namespace": namespace})
        try:
            self._connection.request("DELETE", path, query={"propagationPolicy": "Background"})
        except ResourceNotFoundError:
            return False
        return True

    def secret_keys(self, name: str, *, namespace: str) -> tuple[str, frozenset[str]] | None:
        """Return a Secret's type and the names of its keys, never a value; None if there is no such Secret."""
        secret = self.get("v1", "Secret", name, namespace=namespace)
        if secret is None:
            return None
        return str(secret.get("type", "Opaque")), frozenset(secret.get("data") or ())

    def run_job(self, manifest: Json, *, attachments: Sequence[Json] = (), watch: JobWatch) -> JobResult:
        """Run a Job until it has succeeded; see `k8s.cluster.jobs.run_job`."""
        return run_job(self._connection, manifest, attachments=attachments, apply=self.apply, watch=watch)

    def _path(self, api_version: str, kind: str, metadata: Json) -> str:
        return (
            f"{self._discovery.collection(api_version, kind, namespace=metadata.get('namespace'))}/{metadata['name']}"
        )


def connect() -> Cluster:
    """Connect as KUBECONFIG says, else as ~/.kube/config says, else with the pod's service account; asks nothing yet.

    Raises:
        NoKubeconfigError: none of them can be used.
    """
    return Cluster(open_connection())
