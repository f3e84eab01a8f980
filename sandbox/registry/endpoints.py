"""What the registry answers to each kind of request."""

from __future__ import annotations

import re
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.registry.answers import Refusal
from sandbox.registry.kinds import (
    ARTIFACTS,
    MODEL_ARTIFACT,
    MODEL_VERSION,
    REGISTERED_MODEL,
    Json,
    Kind,
    artifact_kind,
    checked,
    parse,
)
from sandbox.registry.paging import page_of
from sandbox.registry.store import Store

_TOP = 0  # the parent of registered models

Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Endpoints:
    """The endpoints over a store; those that serve several kinds of resource are made for the kinds they are given."""

    store: Store

    async def find_model(self, request: Request) -> Response:
        """`GET /registered_model?name=|externalId=`."""
        name, external_id, _ = _criteria(request)
        if not (name or external_id):
            raise Refusal(400, "give name or externalId")
        return self._only(self.store.find([REGISTERED_MODEL], name=name, external_id=external_id))

    def find(self, kinds: Sequence[Kind]) -> Endpoint:
        """`GET /model_version`, `/model_artifact`, `/artifact` `?name=&parentResourceId=|externalId=`."""

        async def endpoint(request: Request) -> Response:
            name, external_id, parent = _criteria(request)
            if not (external_id or (name and parent)):
                raise Refusal(400, "give name and parentResourceId, or externalId")
            return self._only(self.store.find(kinds, name=name, external_id=external_id, parent=parent))

        return endpoint

    def collection(self, kinds: Sequence[Kind]) -> Endpoint:
        """`GET` of a list; as with the real server, `/registered_models` does not look at `name`."""

        async def endpoint(request: Request) -> Response:
            return self._list(request, kinds)

        return endpoint

    def one(self, kinds: Sequence[Kind]) -> Endpoint:
        """`GET` of a resource by its id."""

        async def endpoint(request: Request) -> Response:
            return JSONResponse(self.store.get(kinds, request.path_params["id"]))

        return endpoint

    def patch(self, kinds: Sequence[Kind]) -> Endpoint:
        """`PATCH` of a resource: keys that are absent or null stay as they are."""

        async def endpoint(request: Request) -> Response:
            resource_id = request.path_params["id"]
            body = parse(await request.body())
            kind = kinds[0] if len(kinds) == 1 else artifact_kind(body.get("artifactType"))
            return JSONResponse(self._merge(kind, resource_id, body))

        return endpoint

    async def create_model(self, request: Request) -> Response:
        """`POST /registered_models`."""
        body = checked(parse(await request.body()), REGISTERED_MODEL.create)
        return _created(self.store.create(REGISTERED_MODEL, {"state": "LIVE", **body}, parent=_TOP))

    async def create_version(self, request: Request) -> Response:
        """`POST /model_versions`."""
        body = checked(parse(await request.body()), MODEL_VERSION.create)
        if not self._exists(REGISTERED_MODEL, body["registeredModelId"]):
            raise Refusal(422, f"no registered model with id {body['registeredModelId']}")
        return self._create_version(body)

    async def create_version_of(self, request: Request) -> Response:
        """`POST /registered_models/{id}/versions`: the path names the model, whatever the body says."""
        model = self.store.get([REGISTERED_MODEL], request.path_params["id"])
        body = {**parse(await request.body()), "registeredModelId": model["id"]}
        return self._create_version(checked(body, MODEL_VERSION.create))

    async def versions_of(self, request: Request) -> Response:
        """`GET /registered_models/{id}/versions`."""
        model = self.store.get([REGISTERED_MODEL], request.path_params["id"])
        return self._list(request, [MODEL_VERSION], of=model)

    async def create_artifact(self, request: Request) -> Response:
        """`POST /artifacts`: an artifact of no version."""
        body = parse(await request.body())
        return self._create_artifact(artifact_kind(body.get("artifactType")), body, parent=None)

    async def create_model_artifact(self, request: Request) -> Response:
        """`POST /model_artifacts`: a model artifact of no version."""
        return self._create_artifact(MODEL_ARTIFACT, parse(await request.body()), parent=None)

    async def upsert_artifact_of(self, request: Request) -> Response:
        """`POST /model_versions/{id}/artifacts`: a body with an id updates that artifact."""
        version = self.store.get([MODEL_VERSION], request.path_params["id"])
        parent = int(version["id"])
        body = parse(await request.body())
        kind = artifact_kind(body.get("artifactType"))
        held = body.get("id")
        if held is None and kind.replaced and body.get("name"):
            held = next((a["id"] for a in self.store.find([kind], name=str(body["name"]), parent=parent)), None)
        if held is None:
            return self._create_artifact(kind, body, parent=parent)
        return JSONResponse(self._merge(kind, str(held), body, parent=parent))

    async def artifacts_of(self, request: Request) -> Response:
        """`GET /model_versions/{id}/artifacts`."""
        version = self.store.get([MODEL_VERSION], request.path_params["id"])
        return self._list(request, ARTIFACTS, of=version)

    def _create_version(self, body: Json) -> Response:
        body = {"state": "LIVE", **body}
        return _created(self.store.create(MODEL_VERSION, body, parent=int(body["registeredModelId"])))

    def _create_artifact(self, kind: Kind, body: Json, *, parent: int | None) -> Response:
        body = checked(body, kind.create)
        if kind.name == "metric" and "value" not in body:
            raise Refusal(400, "a metric needs a value")
        # The real server, too, makes up a name for an artifact that has none.
        name = body.get("name") or str(uuid.uuid4())
        full = {"state": "UNKNOWN", **body, "name": name, "artifactType": kind.name}
        return _created(self.store.create(kind, full, parent=parent))

    def _merge(self, kind: Kind, resource_id: str, body: Json, *, parent: int | None = None) -> Json:
        changes = checked(body, kind.update)
        if kind in ARTIFACTS:
            changes["artifactType"] = kind.name
        return self.store.merge([kind], resource_id, changes, parent=parent)

    def _list(self, request: Request, kinds: Sequence[Kind], of: Json | None = None) -> Response:
        query = request.query_params
        if query.get("artifactType"):
            wanted = artifact_kind(query["artifactType"])
            kinds = [kind for kind in kinds if kind == wanted]
        page = page_of(query)
        name, external_id, _ = _criteria(request) if of else (None, None, None)
        parent = int(of["id"]) if of else None
        items, token = self.store.page(kinds, page, name=name, external_id=external_id, parent=parent)
        return JSONResponse({"items": items, "nextPageToken": token, "pageSize": page.size, "size": len(items)})

    def _only(self, found: list[Json]) -> Response:
        if len(found) != 1:
            raise Refusal(404, f"{'several answer' if found else 'nothing answers'} to this name or external id")
        return JSONResponse(found[0])

    def _exists(self, kind: Kind, resource_id: str) -> bool:
        try:
            self.store.get([kind], resource_id)
        except Refusal:
            return False
        return True


def _criteria(request: Request) -> tuple[str | None, str | None, int | None]:
    """Read `name`, `externalId` and `parentResourceId`; an empty one counts as absent, as for the real server."""
    query = request.query_params
    parent = query.get("parentResourceId") or None
    if parent and not re.fullmatch(r"[1-9][0-9]{0,8}", parent, re.ASCII):
        raise Refusal(400, f"parentResourceId must be a positive number of at most nine digits, not {parent!r}")
    return query.get("name") or None, query.get("externalId") or None, int(parent) if parent else None


def _created(resource: Json) -> Response:
    return JSONResponse(resource, status_code=201)
