"""Lets pods reach servers that listen on this machine's loopback only: the same port on the address that pods see."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

_CHUNK_BYTES = 256 * 1024
T = TypeVar("T")


class Relay:
    """Ports that are passed on; each can be held, as a server that takes connections and says nothing."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._loop = asyncio.new_event_loop()
        self._held: dict[int, asyncio.Event] = {}
        self._asked: dict[int, threading.Event] = {}

    @contextmanager
    def holding(self, port: int) -> Iterator[threading.Event]:
        """Let new connections to a port wait until the block is left; gives the event of the first one that does."""
        asked = self._asked[port] = threading.Event()
        self._call(self._hold(port))
        try:
            yield asked
        finally:
            self._call(self._release(port))

    async def _hold(self, port: int) -> None:
        self._held[port] = asyncio.Event()

    async def _release(self, port: int) -> None:
        self._held.pop(port).set()

    def _call(self, work: Coroutine[object, object, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=10)

    @contextmanager
    def serving(self, ports: Iterable[int]) -> Iterator[None]:
        """Pass connections on until the block is left."""
        thread = threading.Thread(target=self._loop.run_forever, name="relay", daemon=True)
        thread.start()
        servers = [self._call(self._serve(port)) for port in ports]
        try:
            yield
        finally:
            for server in servers:
                self._loop.call_soon_threadsafe(server.close)
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join()

    async def _serve(self, port: int) -> asyncio.Server:
        async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if port in self._held:
                self._asked[port].set()
                await self._held[port].wait()
            try:
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:  # the server is not there now: its client shall see that
                writer.transport.abort()
                return
            await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))

        return await asyncio.start_server(pass_on, self._address, port)


@contextmanager
def relaying(ports: Iterable[int], *, address: str) -> Iterator[Relay]:
    """Pass on every connection to `address:port` to `127.0.0.1:port` until the block is left.

    Args:
        ports: of servers that listen on the loopback.
        address: an address of this machine that pods reach.
    """
    relay = Relay(address)
    with relay.serving(ports):
        yield relay


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(_CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
        return
    writer.transport.abort()  # one side broke: the other must see it too
