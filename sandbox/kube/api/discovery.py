"""What the server says about itself: API groups, their resources, the version."""

from sandbox.kube.errors import NoRouteError
from sandbox.kube.objects import Object
from sandbox.kube.resources import VERBS, Catalog, Resource

VERSION = {"major": "1", "minor": "32", "gitVersion": "v1.32.0+slipway-sandbox", "platform": "linux/local"}

# Questions that are answered at once and never stored: group, kind, plural.
REVIEWS = (
    ("authorization.k8s.io", "SelfSubjectAccessReview", "selfsubjectaccessreviews"),
    ("authorization.k8s.io", "SelfSubjectRulesReview", "selfsubjectrulesreviews"),
    ("authorization.k8s.io", "SubjectAccessReview", "subjectaccessreviews"),
    ("authentication.k8s.io", "SelfSubjectReview", "selfsubjectreviews"),
    ("authentication.k8s.io", "TokenReview", "tokenreviews"),
)


def core_versions(address: str) -> Object:
    """Answer `/api`."""
    servers = [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": servers}


def groups(catalog: Catalog) -> Object:
    """Answer `/apis`."""
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [group(catalog, name) for name in _versions(catalog)]}


def group(catalog: Catalog, name: str) -> Object:
    """Answer `/apis/{group}`.

    Raises:
        NoRouteError: there is no such group.
    """
    versions = _versions(catalog).get(name)
    if not versions:
        raise NoRouteError(f"/apis/{name}")
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"kind": "APIGroup", "apiVersion": "v1", "name": name, "versions": listed, "preferredVersion": listed[0]}


def resources(catalog: Catalog, *, group: str, version: str) -> Object:
    """Answer `/api/v1` and `/apis/{group}/{version}`.

    Raises:
        NoRouteError: there is no such group or version.
    """
    found: list[Object] = []
    for resource in catalog:
        if (resource.group, resource.version) == (group, version):
            found += _listed(resource)
    if version == "v1":
        found += [
            {"name": plural, "singularName": "", "namespaced": False, "kind": kind, "verbs": ["create"]}
            for owner, kind, plural in REVIEWS
            if owner == group
        ]
    if not found:
        raise NoRouteError(f"/apis/{group}/{version}")
    name = f"{group}/{version}" if group else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": found}


def _listed(resource: Resource) -> list[Object]:
    entry: Object = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(VERBS),
        "shortNames": list(resource.short),
    }
    if resource.plural in {"pods", "services", "jobs", "deployments", "replicasets", "statefulsets"}:
        entry["categories"] = ["all"]
    parts = [
        {
            "name": f"{resource.plural}/{name}",
            "singularName": "",
            "namespaced": resource.namespaced,
            "kind": resource.kind,
            "verbs": ["get", "patch", "update"] if name == "status" else ["get"] if name == "log" else ["create"],
        }
        for name in resource.subresources
    ]
    return [entry, *parts]


def _versions(catalog: Catalog) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    pairs = [(resource.group, resource.version) for resource in catalog] + [(owner, "v1") for owner, _, _ in REVIEWS]
    for name, version in pairs:
        if name and version not in found.setdefault(name, []):
            found[name].append(version)
    return {name: sorted(versions, key=_stability) for name, versions in found.items()}


def _stability(version: str) -> tuple[int, str]:
    """Order versions as Kubernetes prefers them: v1 before v1beta1 before v1alpha1."""
    return (2 if "alpha" in version else 1 if "beta" in version else 0), version
