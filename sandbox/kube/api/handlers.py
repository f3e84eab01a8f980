"""The verbs over HTTP: one method per verb, each from a request to the object or Status that answers it."""

import base64
import json
from collections.abc import Callable

from aiohttp import web

from sandbox.kube.api.deletion import Deletion, default_propagation, delete
from sandbox.kube.api.received import shown
from sandbox.kube.api.requests import as_table, is_set, read_body, read_options, read_target
from sandbox.kube.api.tables import table
from sandbox.kube.api.target import Target
from sandbox.kube.api.verbs import Verbs
from sandbox.kube.api.watching import Watch, stream
from sandbox.kube.errors import (
    ApiError,
    BadRequestError,
    MethodNotAllowedError,
    UnsupportedMediaTypeError,
)
from sandbox.kube.objects import Json, Object, dig, key_of, name_of, namespace_of
from sandbox.kube.patch import json_patch, merge, strategic_merge
from sandbox.kube.resources import Resource
from sandbox.kube.selectors import Predicate, field_selector, label_selector

_PATCHES: dict[str, Callable[[Json, Json], Json]] = {
    "application/merge-patch+json": merge,
    "application/json-patch+json": json_patch,
    "application/strategic-merge-patch+json": strategic_merge,
}
_ORPHANED = (
    '299 - "child pods are preserved by default when jobs are deleted; '
    'set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning"'
)
_APPLY = "application/apply-patch+yaml"


class Handlers:
    """The verbs of every resource."""

    def __init__(self, verbs: Verbs) -> None:
        self._verbs = verbs

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a request for an object or a collection."""
        target = read_target(request, self._verbs.catalog)
        if target.subresource and target.subresource not in {"status", "finalize"}:
            raise MethodNotAllowedError(request.method, request.path)
        verb = {
            "GET": self._get if target.name else self._list,
            "POST": self._create,
            "PUT": self._update,
            "PATCH": self._patch,
            "DELETE": self._delete if target.name else self._delete_collection,
        }.get(request.method)
        if (
            verb is None
            or (target.name and verb == self._create)
            or (not target.name and request.method in {"PUT", "PATCH"})
        ):
            raise MethodNotAllowedError(request.method, request.path)
        return await verb(request, target)

    async def _get(self, request: web.Request, target: Target) -> web.StreamResponse:
        if is_set(request, "watch"):
            return await self._watch(request, target)
        return answer(request, self._verbs.read(target), target.resource)

    async def _list(self, request: web.Request, target: Target) -> web.StreamResponse:
        if is_set(request, "watch"):
            return await self._watch(request, target)
        store, resource = self._verbs.store, target.resource
        selects = _selection(request)
        found = [o for o in store.list(resource.key, namespace=target.namespace) if selects(o)]
        meta: Object = {"resourceVersion": str(store.version)}
        if after := request.query.get("continue"):
            start = _read_continue(after)
            found = [obj for obj in found if key_of(obj) > start]
        limit = int(request.query.get("limit") or 0)
        if limit and len(found) > limit:
            meta |= {"continue": _continue(found[limit - 1]), "remainingItemCount": len(found) - limit}
            found = found[:limit]
        items = [shown(obj, resource) for obj in found]
        listed = {"kind": f"{resource.kind}List", "apiVersion": resource.api_version, "metadata": meta, "items": items}
        return answer(request, listed, resource)

    async def _watch(self, request: web.Request, target: Target) -> web.StreamResponse:
        selects = _selection(request)
        name, since = target.name, request.query.get("resourceVersion", "")
        if since and not since.isdecimal():
            raise BadRequestError(f"resourceVersion: Invalid value: {since!r}")
        watch = Watch(
            resource=target.resource,
            namespace=target.namespace,
            selects=(lambda obj: name_of(obj) == name and selects(obj)) if name else selects,
            since=since,
            initial_events=is_set(request, "sendInitialEvents"),
            bookmarks=is_set(request, "allowWatchBookmarks"),
            seconds=float(request.query.get("timeoutSeconds") or 3600),
        )
        wants_table = as_table(request)

        def show(obj: Object) -> Object:
            return table(target.resource, obj, _included(request)) if wants_table else obj

        return await stream(request, self._verbs.store, watch, show)

    async def _create(self, request: web.Request, target: Target) -> web.StreamResponse:
        created = self._verbs.create(target, await read_body(request), read_options(request))
        return answer(request, created, target.resource, code=201)

    async def _update(self, request: web.Request, target: Target) -> web.StreamResponse:
        body = await read_body(request)
        return answer(request, self._verbs.update(target, body, read_options(request)), target.resource)

    async def _patch(self, request: web.Request, target: Target) -> web.StreamResponse:
        body, options = await read_body(request), read_options(request)
        kind = request.content_type
        if kind == _APPLY:
            if not request.query.get("fieldManager"):
                raise BadRequestError("fieldManager: Required value: is required for apply patch")
            exists = self._verbs.store.get(target.resource.key, target.key) is not None
            applied = self._verbs.apply(target, body, options)
            return answer(request, applied, target.resource, code=200 if exists else 201)
        change = _PATCHES.get(kind)
        if change is None or (target.resource.custom and change is strategic_merge):
            raise UnsupportedMediaTypeError(kind, ", ".join([*_PATCHES, _APPLY]))
        patched = self._verbs.patch(target, lambda live: change(live, body), options)
        return answer(request, patched, target.resource)

    async def _delete(self, request: web.Request, target: Target) -> web.StreamResponse:
        options = Deletion.read(await read_body(request), dict(request.query))
        gone = delete(self._verbs, target, options)
        response = answer(request, _deleted(target, gone), target.resource)
        if not options.propagation and default_propagation(target) == "Orphan":
            response.headers["Warning"] = _ORPHANED
        return response

    async def _delete_collection(self, request: web.Request, target: Target) -> web.StreamResponse:
        selects, store, resource = _selection(request), self._verbs.store, target.resource
        options = Deletion.read(await read_body(request), dict(request.query))
        found = [o for o in store.list(resource.key, namespace=target.namespace) if selects(o)]
        for obj in found:
            delete(self._verbs, Target(resource=resource, namespace=namespace_of(obj), name=name_of(obj)), options)
        meta = {"resourceVersion": str(store.version)}
        listed = {"kind": f"{resource.kind}List", "apiVersion": resource.api_version, "metadata": meta, "items": found}
        return answer(request, listed, resource)


def answer(request: web.Request, obj: Object, resource: Resource | None = None, *, code: int = 200) -> web.Response:
    """Encode an answer, as a table if the caller prefers one."""
    if resource is not None and obj["kind"] != "Status" and as_table(request):
        obj = table(resource, obj, _included(request))
    return web.Response(text=json.dumps(obj, separators=(",", ":")), status=code, content_type="application/json")


def refusal(error: ApiError) -> web.Response:
    """Encode an error as the Status that clients read."""
    return web.Response(text=json.dumps(error.status()), status=error.code, content_type="application/json")


def _included(request: web.Request) -> str:
    return request.query.get("includeObject") or "Metadata"


def _selection(request: web.Request) -> Predicate:
    labels = label_selector(request.query.get("labelSelector", ""))
    fields = field_selector(request.query.get("fieldSelector", ""))
    return lambda obj: labels(obj) and fields(obj)


def _continue(obj: Object) -> str:
    return base64.urlsafe_b64encode(json.dumps(key_of(obj)).encode()).decode()


def _read_continue(token: str) -> tuple[str, str]:
    try:
        namespace, name = json.loads(base64.urlsafe_b64decode(token))
    except ValueError as error:
        raise BadRequestError("continue key is not valid") from error
    return str(namespace), str(name)


def _deleted(target: Target, gone: Object) -> Object:
    """Return the object that is still going, or the Status that says it is gone (a pod is returned as it was)."""
    if dig(gone, "metadata.deletionTimestamp") or target.resource.key == ("", "pods"):
        return gone
    details = {"name": target.name, "group": target.resource.group, "kind": target.resource.plural}
    details["uid"] = gone["metadata"]["uid"]
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
