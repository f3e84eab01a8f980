"""The API client of the controllers and the kubelet: they talk to the server over HTTP like anybody else."""

import json
import ssl
from collections.abc import AsyncIterator, Iterable
from types import TracebackType
from typing import Self

import aiohttp

from sandbox.kube.errors import ApiError
from sandbox.kube.objects import Object, metadata, name_of, namespace_of, now_micro
from sandbox.kube.resources import BUILT_IN, Resource

_PATHS = {(resource.api_version, resource.kind): resource for resource in BUILT_IN}
_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"
_LINE = 8 << 20  # bytes of the longest watch event


class Client:
    """A connection to one API server under one name."""

    def __init__(
        self, server: str, *, token: str, agent: str, context: ssl.SSLContext, kinds: Iterable[Resource] = ()
    ) -> None:
        """Make a connection.

        Args:
            server: the API's address.
            token: who calls; empty for a client certificate that the context holds.
            agent: the name of the caller, also as a field manager.
            context: whom to trust.
            kinds: custom kinds that the caller works with.
        """
        self._kinds = {(resource.api_version, resource.kind): resource for resource in kinds}
        authorization = {"Authorization": f"Bearer {token}"} if token else {}
        self._session = aiohttp.ClientSession(
            server,
            headers={**authorization, "User-Agent": agent},
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
            said = await response.text()
            try:
                answer: Object = json.loads(said)
            except ValueError:  # a real server answers in plain words where it has no such path
                answer = {"message": said}
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
        return await self.request("POST", self._path(obj, collection=True), body=obj)

    async def patch_status(self, obj: Object, status: Object) -> Object:
        """Merge into an object's status, only if it is still the same object (not a new one of that name)."""
        body = {"metadata": {"uid": metadata(obj)["uid"]}, "status": status}
        return await self.request("PATCH", self._path(obj) + "/status", body=body, content_type=_MERGE)

    async def apply(self, obj: Object) -> Object:
        """Apply an object on the server's side, in the name of this client."""
        query = {"fieldManager": self.agent, "force": "true"}
        return await self.request("PATCH", self._path(obj), body=obj, content_type=_APPLY, **query)

    async def patch(self, obj: Object, change: Object) -> Object:
        """Merge a change into an object."""
        return await self.request("PATCH", self._path(obj), body=change, content_type=_MERGE)

    async def delete(self, obj: Object, **options: str | int) -> None:
        """Delete an object, only if it is still the same one; one that is gone is fine."""
        body = {"preconditions": {"uid": metadata(obj)["uid"]}, **options}
        try:
            await self.request("DELETE", self._path(obj), body=body)
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

    def collection(self, resource: Resource) -> str:
        """Return the path of all objects of a kind."""
        return f"{_base(resource)}/{resource.plural}"

    def _path(self, obj: Object, *, collection: bool = False) -> str:
        return path_of(obj, self._kinds.get((obj["apiVersion"], obj["kind"])), collection=collection)


def path_of(obj: Object, resource: Resource | None = None, *, collection: bool = False) -> str:
    """Return an object's path, or its collection's; the kind is needed if it is a custom one."""
    resource = resource or _PATHS[obj["apiVersion"], obj["kind"]]
    namespace = f"/namespaces/{namespace_of(obj)}" if resource.namespaced else ""
    return f"{_base(resource)}{namespace}/{resource.plural}" + ("" if collection else f"/{name_of(obj)}")


def _base(resource: Resource) -> str:
    return f"/apis/{resource.api_version}" if resource.group else f"/api/{resource.version}"
