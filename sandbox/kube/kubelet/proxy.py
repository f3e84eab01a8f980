"""Serves the node ports of Services on 127.0.0.1: each connection goes to one of the ready pods."""

import asyncio
import logging
import random
from contextlib import suppress

from sandbox.kube.controllers.informer import Informer
from sandbox.kube.objects import Object, dig, key_of

_log = logging.getLogger(__name__)
_CHUNK = 1 << 16
_RETRY_SECONDS = 1.0

_PortKey = tuple[str, str, int]  # namespace, Service, node port


class NodePortProxy:
    """Listens on a node port while a ready pod is behind it, so that a client is refused when there is none."""

    def __init__(self, *, services: Informer, endpoints: Informer) -> None:
        self._services, self._endpoints = services, endpoints
        self._servers: dict[_PortKey, asyncio.Server] = {}
        self._connections: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        for informer in (services, endpoints):
            informer.listen(lambda _, __: self._changed.set())

    async def run(self) -> None:
        """Serve until cancelled."""
        try:
            while True:
                await self._changed.wait()
                self._changed.clear()
                if not await self._follow():
                    asyncio.get_running_loop().call_later(_RETRY_SECONDS, self._changed.set)
        finally:
            for server in self._servers.values():
                server.close()
            for connection in self._connections:
                connection.cancel()

    async def _follow(self) -> bool:
        """Open and close ports as they are wanted now; return whether that was possible."""
        wanted = {
            (*key_of(service), entry["nodePort"])
            for service in self._services.objects.values()
            for entry in dig(service, "spec.ports") or []
            if entry.get("nodePort") and self._targets(key_of(service), entry)
        }
        for key in self._servers.keys() - wanted:
            self._servers.pop(key).close()
        complete = True
        for key in wanted - self._servers.keys():
            try:
                self._servers[key] = await self._open(key)
            except OSError as error:
                complete = False
                _log.warning("node port %d of %s/%s cannot be served: %s", key[2], key[0], key[1], error)
        return complete

    async def _open(self, key: _PortKey) -> asyncio.Server:
        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.create_task(self._serve(key, reader, writer))
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)

        return await asyncio.start_server(accept, "127.0.0.1", key[2])

    def _targets(self, key: tuple[str, str], entry: Object) -> list[int]:
        """Return the local ports behind a port of a Service."""
        return [
            port["port"]
            for subset in (self._endpoints.objects.get(key) or {}).get("subsets") or []
            for port in subset.get("ports") or []
            if port.get("name") == entry.get("name")
        ]

    async def _serve(self, key: _PortKey, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        service = self._services.objects.get(key[:2])
        ports: list[Object] = dig(service, "spec.ports") or []
        entry = next((each for each in ports if each.get("nodePort") == key[2]), {})
        targets = self._targets(key[:2], entry)
        try:
            if targets:
                onward = await asyncio.open_connection("127.0.0.1", random.choice(targets))  # noqa: S311 - no secret
                await asyncio.gather(_copy(reader, onward[1]), _copy(onward[0], writer))
        except OSError as error:
            _log.info("node port %d: %s", key[2], error)
        finally:
            writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass bytes on until one side ends, then tell the other."""
    try:
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except OSError:
        writer.close()
    finally:
        with suppress(OSError):
            await writer.drain()
