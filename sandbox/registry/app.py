"""The registry's REST API as a Starlette application: which path leads to which endpoint."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from sandbox.registry.answers import Refusal, refused
from sandbox.registry.endpoints import Endpoint, Endpoints
from sandbox.registry.kinds import ARTIFACTS, MODEL_ARTIFACT, MODEL_VERSION, REGISTERED_MODEL
from sandbox.registry.store import Store

BASES = ("/api/model_registry/v1alpha3", "/api/model_registry/v1")
_UNSUPPORTED = ("experiment", "experiment_run", "inference_service", "serving_environment")


def create_app(store: Store) -> Starlette:
    """Make the application; it closes the store when it shuts down."""
    api = Endpoints(store)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        store.close()

    routes = [
        _route("/registered_model", GET=api.find_model),
        _route("/model_version", GET=api.find([MODEL_VERSION])),
        _route("/model_artifact", GET=api.find([MODEL_ARTIFACT])),
        _route("/artifact", GET=api.find(ARTIFACTS)),
        _route("/registered_models", GET=api.collection([REGISTERED_MODEL]), POST=api.create_model),
        _route("/model_versions", GET=api.collection([MODEL_VERSION]), POST=api.create_version),
        _route("/model_artifacts", GET=api.collection([MODEL_ARTIFACT]), POST=api.create_model_artifact),
        _route("/artifacts", GET=api.collection(ARTIFACTS), POST=api.create_artifact),
        _route("/registered_models/{id}", GET=api.one([REGISTERED_MODEL]), PATCH=api.patch([REGISTERED_MODEL])),
        _route("/model_versions/{id}", GET=api.one([MODEL_VERSION]), PATCH=api.patch([MODEL_VERSION])),
        _route("/model_artifacts/{id}", GET=api.one([MODEL_ARTIFACT]), PATCH=api.patch([MODEL_ARTIFACT])),
        _route("/artifacts/{id}", GET=api.one(ARTIFACTS), PATCH=api.patch(ARTIFACTS)),
        _route("/registered_models/{id}/versions", GET=api.versions_of, POST=api.create_version_of),
        _route("/model_versions/{id}/artifacts", GET=api.artifacts_of, POST=api.upsert_artifact_of),
    ]
    return Starlette(
        routes=[Route("/healthz", _healthz), *(Mount(base, routes=routes + _unsupported_routes()) for base in BASES)],
        exception_handlers={Refusal: refused, HTTPException: refused},
        lifespan=lifespan,
    )


def _route(path: str, **endpoints: Endpoint) -> Route:
    """One route for all methods of a path, so that a 405 names them all."""

    async def endpoint(request: Request) -> Response:
        return await endpoints["GET" if request.method == "HEAD" else request.method](request)

    return Route(path, endpoint, methods=list(endpoints))


def _unsupported_routes() -> list[Route]:
    return [
        Route(path, _unsupported, methods=["GET", "POST", "PATCH"])
        for family in _UNSUPPORTED
        for path in (f"/{family}", f"/{family}s", f"/{family}s/{{rest:path}}")
    ]


async def _unsupported(request: Request) -> Response:
    raise Refusal(501, f"the sandbox's registry does not support {request.url.path}: it keeps models only")


async def _healthz(_: Request) -> Response:
    return JSONResponse({"status": "ok"})
