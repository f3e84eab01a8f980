"""Lets pods reach servers that listen on this machine's loopback only: the same port on the address that pods see."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

_CHUNK_BYTES = 256 * 1024


@contextmanager
def relaying(ports: Iterable[int], *, address: str) -> Iterator[None]:
    """Pass on every connection to `address:port` to `127.0.0.1:port` until the block is left.

    Args:
        ports: of servers that listen on the loopback.
        address: an address of this machine that pods reach.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="relay", daemon=True)
    thread.start()
    servers = [
        asyncio.run_coroutine_threadsafe(_serve(port, address=address), loop).result(timeout=10) for port in ports
    ]
    try:
        yield
    finally:
        for server in servers:
            loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


async def _serve(port: int, *, address: str) -> asyncio.Server:
    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:  # the server is not there now: its client shall see that
            writer.transport.abort()
            return
        await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))

    return await asyncio.start_server(pass_on, address, port)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(_CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
        return
    writer.transport.abort()  # one side broke: the other must see it too
