"""Which kinds the server has: one line each, and those that CustomResourceDefinitions add."""

from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.kube.objects import Object

VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One kind in one version, and how its paths look."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True
    short: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    custom: bool = False
    columns: tuple[tuple[str, str, str], ...] = ()  # a custom kind's printer columns: name, type, JSONPath

    @property
    def api_version(self) -> str:
        """Return `v1` or `group/version`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def key(self) -> tuple[str, str]:
        """Return what the store files objects under: all versions of a kind share their objects."""
        return self.group, self.plural

    @property
    def singular(self) -> str:
        """Return the lower-case kind, as kubectl accepts it."""
        return self.kind.lower()


def _core(kind: str, plural: str, *, scope: str = "ns", short: str = "", sub: str = "") -> Resource:
    return _grouped("", "v1", kind, plural, scope=scope, short=short, sub=sub)


def _grouped(
    group: str, version: str, kind: str, plural: str, *, scope: str = "ns", short: str = "", sub: str = ""
) -> Resource:
    return Resource(
        group=group,
        version=version,
        kind=kind,
        plural=plural,
        namespaced=scope == "ns",
        short=tuple(short.split()),
        subresources=tuple(sub.split()),
    )


_RBAC = "rbac.authorization.k8s.io"

BUILT_IN = (
    _core("Namespace", "namespaces", scope="cluster", short="ns", sub="status finalize"),
    _core("Node", "nodes", scope="cluster", short="no", sub="status"),
    _core("PersistentVolume", "persistentvolumes", scope="cluster", short="pv", sub="status"),
    _core("Pod", "pods", short="po", sub="status log binding eviction"),
    _core("ConfigMap", "configmaps", short="cm"),
    _core("Secret", "secrets"),
    _core("Service", "services", short="svc", sub="status"),
    _core("Endpoints", "endpoints", short="ep"),
    _core("ServiceAccount", "serviceaccounts", short="sa", sub="token"),
    _core("Event", "events", short="ev"),
    _core("PersistentVolumeClaim", "persistentvolumeclaims", short="pvc", sub="status"),
    _core("ResourceQuota", "resourcequotas", short="quota", sub="status"),
    _core("LimitRange", "limitranges", short="limits"),
    _grouped("batch", "v1", "Job", "jobs", sub="status"),
    _grouped("apps", "v1", "Deployment", "deployments", short="deploy", sub="status"),
    _grouped("apps", "v1", "ReplicaSet", "replicasets", short="rs", sub="status"),
    _grouped("apps", "v1", "StatefulSet", "statefulsets", short="sts", sub="status"),
    _grouped("coordination.k8s.io", "v1", "Lease", "leases"),
    _grouped("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", short="netpol"),
    _grouped("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", short="pdb", sub="status"),
    _grouped("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", scope="cluster", short="pc"),
    _grouped("storage.k8s.io", "v1", "StorageClass", "storageclasses", scope="cluster", short="sc"),
    _grouped(_RBAC, "v1", "Role", "roles"),
    _grouped(_RBAC, "v1", "RoleBinding", "rolebindings"),
    _grouped(_RBAC, "v1", "ClusterRole", "clusterroles", scope="cluster"),
    _grouped(_RBAC, "v1", "ClusterRoleBinding", "clusterrolebindings", scope="cluster"),
    _grouped(
        "apiextensions.k8s.io",
        "v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        scope="cluster",
        short="crd crds",
        sub="status",
    ),
)


class Catalog:
    """The kinds that are served now."""

    def __init__(self) -> None:
        self._served = {(r.group, r.version, r.plural): r for r in BUILT_IN}

    def __iter__(self) -> Iterator[Resource]:
        return iter(self._served.values())

    def find(self, *, group: str, version: str, plural: str) -> Resource | None:
        """Return the kind behind a path, or None."""
        return self._served.get((group, version, plural))

    def by_kind(self, *, api_version: str, kind: str) -> Resource | None:
        """Return the kind that an object or an owner reference names, or None."""
        return next((r for r in self if r.kind == kind and r.api_version == api_version), None)

    def storage_keys(self) -> dict[tuple[str, str], Resource]:
        """Return one kind per storage key, whatever its versions."""
        return {r.key: r for r in self}

    def define(self, crd: Object) -> None:
        """Serve (or serve anew) what a CustomResourceDefinition declares."""
        self.forget(crd)
        spec = crd["spec"]
        names = spec["names"]
        for version in spec["versions"]:
            if not version.get("served", True):
                continue
            resource = Resource(
                group=spec["group"],
                version=version["name"],
                kind=names["kind"],
                plural=names["plural"],
                namespaced=spec["scope"] == "Namespaced",
                short=tuple(names.get("shortNames") or ()),
                subresources=("status",) if "status" in (version.get("subresources") or {}) else (),
                custom=True,
                columns=tuple(
                    (column["name"], column["type"], column["jsonPath"])
                    for column in version.get("additionalPrinterColumns") or ()
                    if not column.get("priority")
                ),
            )
            self._served[resource.group, resource.version, resource.plural] = resource

    def forget(self, crd: Object) -> None:
        """Stop serving what a CustomResourceDefinition declared."""
        group, plural = crd["spec"]["group"], crd["spec"]["names"]["plural"]
        self._served = {at: r for at, r in self._served.items() if not (r.custom and r.key == (group, plural))}
