"""A cache of one resource that follows the API server, as all controllers use."""

import asyncio
import logging
from collections.abc import Callable

import aiohttp

from sandbox.kube.client import Client
from sandbox.kube.errors import ApiError
from sandbox.kube.objects import Object, key_of

_log = logging.getLogger(__name__)
_RETRY_SECONDS = 0.5

OnChange = Callable[[Object, bool], None]  # the object, and whether it is gone


class Informer:
    """Lists, then watches, and lists again when the watch is lost."""

    def __init__(self, client: Client, path: str, **query: str) -> None:
        self._client, self._path, self._query = client, path, query
        self._listeners: list[OnChange] = []
        self.synced = asyncio.Event()
        self.objects: dict[tuple[str, str], Object] = {}

    def listen(self, on_change: OnChange) -> None:
        """Call a function for every object there is and every change from now on."""
        self._listeners.append(on_change)

    async def run(self) -> None:
        """Follow the server until cancelled."""
        while True:
            try:
                version = await self._list()
                self.synced.set()
                while version:
                    version = await self._watch(version)
            except (ApiError, aiohttp.ClientError, ConnectionError) as error:
                _log.info("watching %s again: %s", self._path, error)
                await asyncio.sleep(_RETRY_SECONDS)

    async def _list(self) -> str:
        listed = await self._client.request("GET", self._path, body=None, **self._query)
        # A real server's lists say of which kind the items are, the items do not.
        kind = {"apiVersion": listed["apiVersion"], "kind": listed["kind"].removesuffix("List")}
        fresh = {key_of(obj): {**kind, **obj} for obj in listed["items"]}
        for key in self.objects.keys() - fresh.keys():
            self._tell(self.objects.pop(key), gone=True)
        for key, obj in fresh.items():
            self.objects[key] = obj
            self._tell(obj, gone=False)
        return str(listed["metadata"]["resourceVersion"])

    async def _watch(self, version: str) -> str:
        """Follow changes; return where to go on from, or nothing if the history is lost."""
        query = {**self._query, "resourceVersion": version, "allowWatchBookmarks": "true"}
        async for event in self._client.watch(self._path, **query):
            obj = event["object"]
            if event["type"] == "ERROR":
                return ""
            version = obj["metadata"]["resourceVersion"]
            if event["type"] == "BOOKMARK":
                continue
            gone = event["type"] == "DELETED"
            if gone:
                self.objects.pop(key_of(obj), None)
            else:
                self.objects[key_of(obj)] = obj
            self._tell(obj, gone=gone)
        return version

    def _tell(self, obj: Object, *, gone: bool) -> None:
        for listener in self._listeners:
            listener(obj, gone)
