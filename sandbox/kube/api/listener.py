"""Listens for HTTPS and plain HTTP on one port: kubectl sends its token only over TLS, health checks need none."""

import asyncio
import logging
import socket
import ssl
from contextlib import suppress
from typing import Self

from aiohttp import web

_log = logging.getLogger(__name__)
_TLS_HANDSHAKE = b"\x16"  # the first byte of every TLS connection; no HTTP method begins with it
_FIRST_BYTE_SECONDS = 10.0


class AddressInUseError(Exception):
    """The port cannot be listened on."""

    def __init__(self, *, port: int, because: str) -> None:
        super().__init__(f"Port {port} of 127.0.0.1 cannot be used ({because}): give another --port.")


class Listener:
    """Accepts connections and gives each to the web server, through TLS if it begins so."""

    def __init__(self, runner: web.AppRunner, context: ssl.SSLContext, *, port: int) -> None:
        self._runner, self._context, self._port = runner, context, port
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        try:
            self._socket = socket.create_server(("127.0.0.1", self._port), backlog=128)
        except OSError as error:
            raise AddressInUseError(port=self._port, because=error.strerror or "") from error
        self._socket.setblocking(False)
        self._add(self._accept())
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._socket.close()

    def _add(self, coroutine: "asyncio._CoroutineLike[None]") -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(self._socket)
            except OSError as error:  # too many open files, or the caller left already: others still want an answer
                _log.warning("a connection was not accepted: %s", error)
                await asyncio.sleep(0.1)
            else:
                self._add(self._serve(connection))

    async def _serve(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            first = await asyncio.wait_for(_first_byte(connection), _FIRST_BYTE_SECONDS)
            if not first or self._runner.server is None:
                connection.close()
                return
            context = self._context if first == _TLS_HANDSHAKE else None
            await loop.connect_accepted_socket(self._runner.server, connection, ssl=context)
        except (OSError, TimeoutError) as error:  # ssl.SSLError is an OSError
            _log.debug("a connection was dropped: %s", error)
            connection.close()


def _set(future: "asyncio.Future[None]") -> None:
    if not future.done():  # the loop may tell twice before the waiting task runs
        future.set_result(None)


async def _first_byte(connection: socket.socket) -> bytes:
    """Wait for data and return its first byte without taking it; nothing if the caller left."""
    loop = asyncio.get_running_loop()
    readable: asyncio.Future[None] = loop.create_future()
    loop.add_reader(connection, _set, readable)
    try:
        await readable
    finally:
        loop.remove_reader(connection)
    with suppress(BlockingIOError):
        return connection.recv(1, socket.MSG_PEEK)
    return b""
