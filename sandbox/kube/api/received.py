"""What comes in and what of it may be written: checks against the path, and the parts that are the server's own."""

import copy

from sandbox.kube.api import rules, shapes
from sandbox.kube.api.target import Target
from sandbox.kube.errors import BadRequestError, InvalidError
from sandbox.kube.objects import Object
from sandbox.kube.resources import Resource

SYSTEM_METADATA = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation")


def received(target: Target, body: Object) -> Object:
    """Return a copy of what came in, as an object of the target.

    Raises:
        BadRequestError: it is another kind, name or namespace than the path says.
        InvalidError: a field that is read here has another shape than its kind has.
    """
    resource = target.resource
    if not isinstance(body, dict):
        raise BadRequestError("the body is not an object")
    if body.get("kind", resource.kind) != resource.kind:
        raise BadRequestError(
            f"{body['kind']} in version {body.get('apiVersion')} cannot be handled as a {resource.kind}"
        )
    if body.get("apiVersion", resource.api_version) != resource.api_version:
        given, wanted = body["apiVersion"], resource.api_version
        raise BadRequestError(
            f"the API version in the data ({given}) does not match the expected API version ({wanted})"
        )
    obj: Object = rules.without_nulls(copy.deepcopy(body))
    obj |= {"apiVersion": resource.api_version, "kind": resource.kind}
    meta = obj.setdefault("metadata", {})
    for field, problem in shapes.problems(resource.key, obj):
        raise InvalidError(kind=resource.kind, group=resource.group, name=target.name, field=field, problem=problem)
    if target.name and meta.setdefault("name", target.name) != target.name:
        given = meta["name"]
        raise BadRequestError(f"the name of the object ({given}) does not match the name on the URL ({target.name})")
    if not resource.namespaced:
        meta.pop("namespace", None)
    elif meta.setdefault("namespace", target.namespace) != target.namespace:
        raise BadRequestError("the namespace of the provided object does not match the namespace sent on the request")
    return obj


def shown(obj: Object, resource: Resource) -> Object:
    """Return a stored object in the version that was asked for (a custom kind may have several)."""
    return obj if obj["apiVersion"] == resource.api_version else {**obj, "apiVersion": resource.api_version}


def merged_parts(before: Object, after: Object, target: Target) -> Object:
    """Keep what this path may not write: the server's metadata, and spec or status, whichever is not its own."""
    after = copy.deepcopy(after)
    if target.subresource == "status":
        after = {**copy.deepcopy(before), "status": after.get("status") or {}}
    elif "status" in target.resource.subresources:
        after.pop("status", None)
        if "status" in before:
            after["status"] = copy.deepcopy(before["status"])
    meta, held = after["metadata"], before["metadata"]
    for field in SYSTEM_METADATA:
        meta.pop(field, None)
        if field in held:
            meta[field] = held[field]
    meta.setdefault("managedFields", held.get("managedFields") or [])
    if target.subresource != "status" and _content(before) != _content(after):
        meta["generation"] = held.get("generation", 1) + 1
    return after


def _content(obj: Object) -> Object:
    return {field: value for field, value in obj.items() if field not in {"metadata", "status"}}


def same(before: Object, after: Object) -> bool:
    """Tell whether a write would change nothing: then nothing is written, as with the real server."""

    def bare(obj: Object) -> Object:
        kept = {k: v for k, v in obj["metadata"].items() if k not in {"resourceVersion", "managedFields"}}
        owners = [
            {k: v for k, v in entry.items() if k != "time"} for entry in obj["metadata"].get("managedFields") or []
        ]
        return {**obj, "metadata": {**kept, "managedFields": owners}}

    return bare(before) == bare(after)
