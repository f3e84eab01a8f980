"""Reads an HTTP request as the Kubernetes API means it: resource, namespace, name, subresource, body, options."""

import json
from typing import Final

import yaml
from aiohttp import web

from sandbox.kube.api import protobuf
from sandbox.kube.api.target import Options, Target
from sandbox.kube.errors import BadRequestError, NoRouteError
from sandbox.kube.objects import Json
from sandbox.kube.resources import Catalog

_NAMESPACE_PARTS: Final = frozenset({"status", "finalize"})  # subresources of a namespace itself


def read_target(request: web.Request, catalog: Catalog) -> Target:
    """Return what the request's path names.

    Raises:
        NoRouteError: nothing that this server has.
    """
    parts = [part for part in request.path.split("/") if part]
    if parts[0] == "api":
        group, version, rest = "", *parts[1:2], parts[2:]
    else:
        group, version, rest = *parts[1:3], parts[3:]
    namespace = ""
    if not rest:
        raise NoRouteError(request.path)
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in _NAMESPACE_PARTS:  # noqa: PLR2004 - namespaces/x/y
        namespace, rest = rest[1], rest[2:]
    resource = catalog.find(group=group, version=version, plural=rest[0])
    if resource is None or (namespace and not resource.namespaced):
        raise NoRouteError(request.path)
    name, *sub = rest[1:] or [""]
    return Target(resource=resource, namespace=namespace, name=name, subresource="/".join(sub))


async def read_body(request: web.Request) -> Json:
    """Return the body: JSON, or YAML where apply allows it; an empty one is an empty map.

    Raises:
        BadRequestError: it cannot be read.
    """
    data = await request.read()
    if not data.strip():
        return {}
    if request.content_type == protobuf.CONTENT_TYPE:
        return protobuf.decode(data)
    try:
        return yaml.safe_load(data) if "yaml" in request.content_type else json.loads(data)
    except (ValueError, yaml.YAMLError) as error:
        raise BadRequestError(f"the body cannot be read as {request.content_type}: {error}") from error


def is_set(request: web.Request, name: str) -> bool:
    """Tell whether a boolean query parameter is on, as Go reads it (Python clients send `True`)."""
    return request.query.get(name, "").lower() in {"1", "t", "true"}


def read_options(request: web.Request) -> Options:
    """Return the options of a writing request; without a field manager it is the user agent's first word."""
    agent = request.headers.get("User-Agent", "unknown").split("/")[0]
    return Options(
        manager=request.query.get("fieldManager") or agent,
        dry_run="All" in request.query.getall("dryRun", []),
        force=is_set(request, "force"),
    )


def as_table(request: web.Request) -> bool:
    """Tell whether the caller wants a table of cells (as `kubectl get` does) rather than the objects."""
    return any("as=Table" in part and "v=v1;" in f"{part};" for part in request.headers.get("Accept", "").split(","))
