"""Serves prepared answers over HTTP, to show a client what no well API server does: drops, gone versions, refusals."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Json = dict[str, Any]
Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class ScriptedApi:
    """What to answer, in order, and what was asked."""

    address: str = ""
    answers: list[Answer] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    finished: threading.Event = field(default_factory=threading.Event)

    def handle(self, handler: BaseHTTPRequestHandler) -> None:
        """Give the next answer; after the last one, hold the line until the end of the test."""
        with self.lock:
            self.asked.append(handler.path)
            self.tokens.append(handler.headers.get("Authorization", ""))
            answer = self.answers.pop(0) if self.answers else None
        if answer is None:
            stream()(handler)
            self.finished.wait()
        else:
            answer(handler)


def status(code: int, message: str) -> Answer:
    """Answer with a Kubernetes Status."""
    return plain(code, {"kind": "Status", "code": code, "message": message})


def listed(*objects: Json, version: str) -> Answer:
    """Answer with a list."""
    return plain(200, {"metadata": {"resourceVersion": version}, "items": list(objects)})


def stream(*events: Json, rest: str = "") -> Answer:
    """Answer with events of a watch, then half a line if any, then close the connection."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write("".join(json.dumps(event) + "\n" for event in events).encode() + rest.encode())
        handler.wfile.flush()

    return answer


def cut_text(text: str) -> Answer:
    """Announce more text than comes, then close the connection."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(text) + 1))
        handler.end_headers()
        handler.wfile.write(text.encode())

    return answer


def text(whole: str) -> Answer:
    """Answer with plain text."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(whole)))
        handler.end_headers()
        handler.wfile.write(whole.encode())

    return answer


def plain(code: int, body: Json) -> Answer:
    """Answer with a JSON document."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        data = json.dumps(body).encode()
        handler.send_response(code)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    return answer


@contextmanager
def serving(api: ScriptedApi, kubeconfig: Path) -> Iterator[str]:
    """Serve the script, and write a kubeconfig that leads there; gives the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            api.handle(self)

        do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815 - the names that http.server calls

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server gives it
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        address = f"http://127.0.0.1:{server.server_port}"
        kubeconfig.write_text(json.dumps(_kubeconfig(address, kubeconfig)))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield address
        finally:
            api.finished.set()
            server.shutdown()
            thread.join()


def _kubeconfig(address: str, file: Path) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": {"server": address}}],
        "users": [{"name": "test", "user": {"tokenFile": str(file.with_name("token"))}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    }
