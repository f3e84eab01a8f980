"""Serves a registry (or any ASGI application) to a test, in a thread and on a free port."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.registry.app import create_app
from sandbox.registry.store import Store


@contextmanager
def serving(app: ASGIApp, **tls: str) -> Iterator[str]:
    """Serve an application; gives its address, `http://127.0.0.1:PORT`.

    The socket listens before the server runs, so that nobody needs to wait: early connections queue.

    Args:
        app: what to serve.
        tls: uvicorn's `ssl_keyfile` and `ssl_certfile`, to serve https.
    """
    # asyncio switches delays off (TCP_NODELAY) only for sockets that name their protocol; without, 40 ms a request.
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off", **tls))  # type: ignore[arg-type]  # two strings
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


class Slot:
    """An application that passes every request to the one that it holds: one server for many tests."""

    def __init__(self) -> None:
        self.app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        assert self.app, "no test has put its application into the slot"
        await self.app(scope, receive, send)


@contextmanager
def empty_registry(folder: Path) -> Iterator[Starlette]:
    """Make a registry that holds nothing yet, with its database in this folder."""
    store = Store(folder / "registry.db")
    try:
        yield create_app(store)
    finally:
        store.close()
