"""Puts the API behind HTTP: routes, who calls, and errors as Status objects."""

import logging

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from sandbox.kube.api import discovery, openapi
from sandbox.kube.api.auth import Tokens
from sandbox.kube.api.handlers import Handlers, answer, refusal
from sandbox.kube.api.pods import PodHandlers
from sandbox.kube.api.reviews import review
from sandbox.kube.api.verbs import Verbs
from sandbox.kube.errors import ApiError, NoRouteError

_log = logging.getLogger(__name__)
_OPEN_PATHS = frozenset({"/healthz", "/readyz", "/livez", "/version"})


def application(verbs: Verbs, tokens: Tokens, pods: PodHandlers) -> web.Application:
    """Return the web application that serves the API."""
    app = web.Application(middlewares=[_errors, _identify(tokens)], client_max_size=4 << 20)
    catalog, handlers = verbs.catalog, Handlers(verbs)

    async def healthy(_: web.Request) -> web.StreamResponse:
        return web.Response(text="ok")

    async def version(request: web.Request) -> web.StreamResponse:
        return answer(request, {**discovery.VERSION, "kind": "Version"})

    async def core_versions(request: web.Request) -> web.StreamResponse:
        return answer(request, discovery.core_versions(request.host))

    async def core_resources(request: web.Request) -> web.StreamResponse:
        return answer(request, discovery.resources(catalog, group="", version="v1"))

    async def groups(request: web.Request) -> web.StreamResponse:
        return answer(request, discovery.groups(catalog))

    async def group(request: web.Request) -> web.StreamResponse:
        return answer(request, discovery.group(catalog, request.match_info["group"]))

    async def resources(request: web.Request) -> web.StreamResponse:
        at = request.match_info
        return answer(request, discovery.resources(catalog, group=at["group"], version=at["version"]))

    async def schemas(request: web.Request) -> web.StreamResponse:
        return answer(request, openapi.index(catalog))

    async def schema(request: web.Request) -> web.StreamResponse:
        return answer(request, openapi.document(catalog, request.match_info["path"]))

    router = app.router
    for path in ("/healthz", "/readyz", "/livez"):
        router.add_get(path, healthy)
    router.add_get("/version", version)
    router.add_get("/openapi/v3", schemas)
    router.add_get("/openapi/v3/{path:.+}", schema)
    for group_name, _, plural in discovery.REVIEWS:
        router.add_post(f"/apis/{group_name}/v1/{plural}", review)
    router.add_get("/api", core_versions)
    router.add_get("/api/v1", core_resources)
    router.add_get("/apis", groups)
    router.add_get("/apis/{group}", group)
    router.add_get("/apis/{group}/{version}", resources)
    pod = "/api/v1/namespaces/{namespace}/pods/{name}"
    router.add_get(f"{pod}/log", pods.log)
    router.add_post(f"{pod}/binding", pods.bind)
    router.add_post(f"{pod}/eviction", pods.evict)
    router.add_route("*", pod + "/{what:exec|attach|portforward|proxy|ephemeralcontainers}", pods.unsupported)
    router.add_post("/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token", pods.token)
    router.add_route("*", "/api/v1/{path:.+}", handlers.handle)
    router.add_route("*", "/apis/{group}/{version}/{path:.+}", handlers.handle)
    return app


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except ApiError as error:
        return refusal(error)
    except web.HTTPNotFound:
        return refusal(NoRouteError(request.path))
    except web.HTTPMethodNotAllowed as error:
        return refusal(ApiError(str(error), code=405, reason="MethodNotAllowed"))
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        # An object of another shape than its kind has: the rules check what matters, this catches the rest.
        _log.exception("%s %s", request.method, request.path)
        return refusal(ApiError(f"the object or request is malformed: {error!r}", code=400, reason="BadRequest"))


def _identify(tokens: Tokens) -> Middleware:
    @web.middleware
    async def identify(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path not in _OPEN_PATHS:
            request["user"] = tokens.user(request.headers.get("Authorization", ""))
        return await handler(request)

    return identify
