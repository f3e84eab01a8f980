"""The API client of the controllers and the kubelet: they talk to the server over HTTP like anybody else."""

import json
import ssl
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

import aiohttp

from sandbox.kube.api.auth import Endpoint
from sandbox.kube.errors import ApiError
from sandbox.kube.objects import Object, metadata, name_of, namespace_of, now_micro
from sandbox.kube.resources import BUILT_IN

_PATHS = {(resource.api_version, resource.kind): resource for resource in BUILT_IN}
_MERGE = "application/merge-patch+json"
_LINE = 8 << 20  # bytes of the longest watch event


class Client:
    """A connection to one API server under one name."""

    def __init__(self, endpoint: Endpoint, *, token: str, agent: str) -> None:
        context = ssl.create_default_context(cafile=endpoint.authority)
        self._session = aiohttp.ClientSession(
            endpoint.server,
            headers={"Authorization": f"Bearer {token}", "User-Agent": agent},
            connector=aiohttp.TCPConnector(limit=0, ssl=context),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
            read_bufsize=_LINE,
        )
        self.agent = agent

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        await self._session.close()

    async def request(
        self, method: str, path: str, *, body: Object | None = None, content_type: str = "", **query: str
    ) -> Object:
        """Send a request and return the answer.

        Raises:
            ApiError: the server refused.
        """
        headers = {"Content-Type": content_type or "application/json"}
        data = None if body is None else json.dumps(body)
        async with self._session.request(method, path, data=data, headers=headers, params=query) as response:
            answer: Object = json.loads(await response.read())
            if response.status >= 400:  # noqa: PLR2004 - HTTP's first error code
                raise ApiError(
                    answer.get("message", ""),
                    code=response.status,
                    reason=answer.get("reason", ""),
                    details=answer.get("details"),
                )
            return answer

    async def watch(self, path: str, **query: str) -> AsyncIterator[Object]:
        """Yield watch events until the server ends the stream."""
        async with self._session.get(path, params={**query, "watch": "true"}) as response:
            async for line in response.content:
                yield json.loads(line)

    async def create(self, obj: Object) -> Object:
        """Create an object in the namespace that it names."""
        return await self.request("POST", path_of(obj, collection=True), body=obj)

    async def patch_status(self, obj: Object, status: Object) -> Object:
        """Merge into an object's status, only if it is still the same object (not a new one of that name)."""
        body = {"metadata": {"uid": metadata(obj)["uid"]}, "status": status}
        return await self.request("PATCH", path_of(obj) + "/status", body=body, content_type=_MERGE)

    async def patch(self, obj: Object, change: Object) -> Object:
        """Merge a change into an object."""
        return await self.request("PATCH", path_of(obj), body=change, content_type=_MERGE)

    async def delete(self, obj: Object, **options: str | int) -> None:
        """Delete an object, only if it is still the same one; one that is gone is fine."""
        body = {"preconditions": {"uid": metadata(obj)["uid"]}, **options}
        try:
            await self.request("DELETE", path_of(obj), body=body)
        except ApiError as error:
            if error.code not in {404, 409}:
                raise

    async def event(self, about: Object, *, reason: str, message: str, kind: str = "Normal") -> None:
        """Record an event about an object; one whose namespace is going away is not worth an error."""
        stamp = now_micro()
        namespace = namespace_of(about) or "default"
        reference = {
            "kind": about["kind"],
            "apiVersion": about["apiVersion"],
            "namespace": namespace_of(about),
            "name": name_of(about),
            "uid": metadata(about).get("uid"),
        }
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"generateName": f"{name_of(about)}.", "namespace": namespace},
            "involvedObject": reference,
            "type": kind,
            "reason": reason,
            "message": message,
            "source": {"component": self.agent},
            "reportingComponent": self.agent,
            "firstTimestamp": stamp[:19] + "Z",
            "lastTimestamp": stamp[:19] + "Z",
            "count": 1,
        }
        try:
            await self.create(event)
        except ApiError as error:
            if error.code not in {403, 404}:
                raise


def path_of(obj: Object, *, collection: bool = False) -> str:
    """Return an object's path, or its collection's."""
    resource = _PATHS[obj["apiVersion"], obj["kind"]]
    base = f"/apis/{resource.api_version}" if resource.group else f"/api/{resource.version}"
    namespace = f"/namespaces/{namespace_of(obj)}" if resource.namespaced else ""
    return f"{base}{namespace}/{resource.plural}" + ("" if collection else f"/{name_of(obj)}")
