"""Finds where the API serves a kind: apiVersion and kind to a URL path, as the API itself declares it."""

from __future__ import annotations

from k8s.cluster.connection import Connection
from k8s.errors import ResourceNotFoundError, UnknownKindError


class Discovery:
    """The kinds of one API server, asked once per group version."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[str, dict[str, tuple[str, bool]]] = {}

    def collection(self, api_version: str, kind: str, *, namespace: str | None, everywhere: bool = False) -> str:
        """Return the path of all objects of a kind, in one namespace if the kind has them.

        Args:
            api_version: such as `v1` or `serving.kserve.io/v1beta1`.
            kind: such as `ConfigMap`.
            namespace: ignored for kinds without namespaces; "default" if None for the others.
            everywhere: in all namespaces instead.

        Raises:
            UnknownKindError: the cluster serves no such kind.
        """
        plural, namespaced = self._resource(api_version, kind)
        middle = f"/namespaces/{namespace or 'default'}" if namespaced and not everywhere else ""
        return f"{_root(api_version)}{middle}/{plural}"

    def _resource(self, api_version: str, kind: str) -> tuple[str, bool]:
        kinds = self._known.get(api_version)
        if kinds is None or kind not in kinds:  # a CRD may have come since we asked
            kinds = self._known[api_version] = self._ask(api_version, kind)
        if kind not in kinds:
            raise UnknownKindError(api_version=api_version, kind=kind)
        return kinds[kind]

    def _ask(self, api_version: str, kind: str) -> dict[str, tuple[str, bool]]:
        try:
            answer = self._connection.request("GET", _root(api_version))
        except ResourceNotFoundError:
            raise UnknownKindError(api_version=api_version, kind=kind) from None
        return {
            resource["kind"]: (resource["name"], bool(resource["namespaced"]))
            for resource in answer.get("resources", ())
            if "/" not in resource["name"]  # subresources repeat the kind
        }


def _root(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
