"""Just enough OpenAPI v3 for kubectl to learn that the server itself validates fields."""

from sandbox.kube.errors import NoRouteError
from sandbox.kube.objects import Object
from sandbox.kube.resources import Catalog


def _path(group: str, version: str) -> str:
    return f"apis/{group}/{version}" if group else f"api/{version}"


def index(catalog: Catalog) -> Object:
    """Answer `/openapi/v3`: where each group's document is."""
    paths = {_path(resource.group, resource.version) for resource in catalog}
    return {"kind": "OpenAPI", "paths": {path: {"serverRelativeURL": f"/openapi/v3/{path}"} for path in sorted(paths)}}


def document(catalog: Catalog, path: str) -> Object:
    """Answer `/openapi/v3/{path}`: every kind's PATCH, with the parameter that kubectl looks for.

    Raises:
        NoRouteError: there is no such group or version.
    """
    found = [resource for resource in catalog if _path(resource.group, resource.version) == path]
    if not found:
        raise NoRouteError(f"/openapi/v3/{path}")
    parameters = [{"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}]
    paths: Object = {}
    for resource in found:
        where = "namespaces/{namespace}/" if resource.namespaced else ""
        kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
        patch = {
            "parameters": parameters,
            "responses": {"200": {"description": "OK"}},
            "x-kubernetes-action": "patch",
            "x-kubernetes-group-version-kind": kind,
        }
        paths[f"/{path}/{where}{resource.plural}/{{name}}"] = {"patch": patch}
    info = {"title": "slipway sandbox", "version": "v1"}
    return {"kind": "OpenAPI", "openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": {}}}
