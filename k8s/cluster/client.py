"""The cluster as flows see it: what it is, what we may do; apply, wait, run a Job, explain, delete."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from k8s.cluster.applying import Listener, apply_all
from k8s.cluster.connection import APPLY, Connection, Query, open_connection
from k8s.cluster.discovery import Discovery
from k8s.cluster.evidence import collect_evidence
from k8s.cluster.inventory import list_all, read_gpus
from k8s.cluster.job_start import FIELD_MANAGER
from k8s.cluster.jobs import JobResult, JobWatch, run_job
from k8s.cluster.logs import container_log
from k8s.cluster.ready import ReadyResult, ReadyWatch, wait_ready
from k8s.cluster.removal import delete_and_wait
from k8s.cluster.rights import Right, allowed
from k8s.cluster.workload import KINDS
from k8s.errors import ResourceNotFoundError, UnknownKindError
from k8s.gpus import GpuInventory

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

    def serves(self, api_version: str, kind: str) -> bool:
        """Tell whether the cluster knows a kind."""
        try:
            self._discovery.collection(api_version, kind, namespace=None)
        except UnknownKindError:
            return False
        return True

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

    def objects(
        self, api_version: str, kind: str, *, namespace: str | None = None, everywhere: bool = False, labels: str = ""
    ) -> list[Json]:
        """Return the objects of a kind.

        Args:
            api_version: such as `v1`.
            kind: such as `Pod`.
            namespace: where; ignored for kinds without namespaces.
            everywhere: in all namespaces instead, which takes a right of its own.
            labels: a label selector such as `app=x,tier in (a,b)`; all objects if empty.
        """
        path = self._discovery.collection(api_version, kind, namespace=namespace, everywhere=everywhere)
        return list_all(self._connection, path, {"labelSelector": labels} if labels else None)

    def apply_all(
        self,
        manifests: Sequence[Json],
        *,
        force: bool = False,
        timeout_seconds: float = 60.0,
        on_progress: Listener = lambda _: None,
    ) -> Sequence[Json]:
        """Apply objects in the order of their kinds, waiting for CRDs and namespaces.

        Args:
            manifests: the objects, in any order.
            force: take over fields that other managers hold with other values.
            timeout_seconds: how long CRDs and namespaces may take in all.
            on_progress: told each object after it was applied.

        Returns:
            The objects as the API holds them now, in the order in which they were applied.

        Raises:
            ConflictError: another manager holds a field with another value.
            NotEstablishedError: a CRD or a namespace is not usable in time.
        """
        return apply_all(
            self._connection,
            manifests,
            apply=partial(self.apply, force=force),
            seconds=timeout_seconds,
            on_progress=on_progress,
        )

    def wait_ready(self, kind: str, name: str, *, namespace: str, watch: ReadyWatch) -> ReadyResult:
        """Wait until a service or Deployment serves what it asks for now.

        Args:
            kind: `InferenceService` or `Deployment`.
            name: its name.
            namespace: its namespace.
            watch: deadline, listeners and patience.

        Raises:
            ResourceNotFoundError: there is none of that name.
            NotReadyError: it failed, or was deleted, and waiting longer does not help.
            ReadyDeadlineError: it was not ready in time.
        """
        thing, path = self._find(kind, name, namespace=namespace)
        return wait_ready(self._connection, thing, path=path, watch=watch)

    def evidence(self, kind: str, name: str, *, namespace: str) -> dict[str, str]:
        """Collect what explains how a service or Deployment is doing; see `k8s.cluster.evidence.collect_evidence`.

        Args:
            kind: `InferenceService` or `Deployment`.
            name: its name.
            namespace: its namespace.

        Returns:
            File name to text, without secrets.

        Raises:
            ResourceNotFoundError: there is none of that name.
        """
        thing, path = self._find(kind, name, namespace=namespace)
        return collect_evidence(self._connection, thing, path=path)

    def delete_and_wait(
        self, api_version: str, kind: str, name: str, *, namespace: str | None = None, timeout_seconds: float
    ) -> bool:
        """Delete an object and wait until it is gone, and with a service or Deployment its pods too.

        Returns:
            False if there was none of that name.

        Raises:
            StillThereError: it is not gone in time.
        """
        thing = self.get(api_version, kind, name, namespace=namespace)
        if thing is None:
            return False
        path = self._discovery.collection(api_version, kind, namespace=namespace)
        delete_and_wait(self._connection, thing, path=path, seconds=timeout_seconds)
        return True

    def gpus(self, *, namespace: str, replacing: str | None = None) -> GpuInventory:
        """Read the cluster's GPUs, who holds them, and what a namespace's quotas leave.

        Args:
            namespace: whose quotas count.
            replacing: an InferenceService of the namespace whose pods go before new ones come (strategy Recreate), so
                that what they hold counts as free.

        Raises:
            ForbiddenError: we may not list nodes, or the pods of all namespaces.
        """
        return read_gpus(self._connection, namespace=namespace, replacing=replacing)

    def log(self, pod: Json, container: str, *, previous: bool = False, lines: int | None = None) -> tuple[str, ...]:
        """Read the log of one container of a pod; see `k8s.cluster.logs.container_log`."""
        return container_log(self._connection, pod, container, previous=previous, lines=lines)

    def run_job(self, manifest: Json, *, attachments: Sequence[Json] = (), watch: JobWatch) -> JobResult:
        """Run a Job until it has succeeded; see `k8s.cluster.jobs.run_job`."""
        return run_job(self._connection, manifest, attachments=attachments, apply=self.apply, watch=watch)

    def _find(self, kind: str, name: str, *, namespace: str) -> tuple[Json, str]:
        path = self._discovery.collection(KINDS[kind], kind, namespace=namespace)
        return self._connection.request("GET", f"{path}/{name}"), path

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
