"""A chat's incoming webhook for tests: an application that keeps what it is told."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from queue import Empty, Queue

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

_SECONDS = 60.0


@dataclass
class Webhook:
    """What was told, in order; `status` is what it answers."""

    status: int = 200
    told: Queue[str] = field(default_factory=Queue)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one message."""
        self.told.put(str(json.loads(await Request(scope, receive).body())["text"]))
        await Response(status_code=self.status)(scope, receive, send)

    def next(self) -> str:
        """Wait for the next message."""
        return self.told.get(timeout=_SECONDS)

    def forget(self) -> None:
        """Drop what an earlier test was told."""
        while True:
            try:
                self.told.get_nowait()
            except Empty:
                return
