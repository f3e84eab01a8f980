"""Serves a registry (or any ASGI application) to a test, in a thread and on a free port."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from sandbox.registry.app import create_app
from sandbox.registry.store import Store


@contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    """Serve an application; gives its address, `http://127.0.0.1:PORT`.

    The socket listens before the server runs, so that nobody needs to wait: early connections queue.
    """
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def registry(database: Path) -> Iterator[str]:
    """Serve the sandbox's registry over this database; gives its address."""
    with serving(create_app(Store(database))) as address:
        yield address
