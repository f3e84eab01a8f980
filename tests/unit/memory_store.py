"""An object store in memory: a fake of our own adapter, as far as a lease needs it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from itertools import count

from blocks.errors import BlockError, NotFoundError, PreconditionFailedError
from blocks.objects import ObjectHead


class MemoryStore:
    """Conditional writes with the semantics of S3.

    Attributes:
        bucket: its bucket's name.
        failures: errors for the next writes. A write that fails with `after=True` took effect before it failed,
            as when the answer is lost.
        on_put: called with each write, before it takes effect.
    """

    bucket = "bucket"

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, str]] = {}
        self.on_put: Callable[[], None] = lambda: None
        self.failures: list[tuple[BlockError, bool]] = []
        self._etags = count(1)
        self._lock = threading.Lock()

    def put(
        self,
        key: str,
        body: bytes,
        *,
        metadata: Mapping[str, str] | None = None,  # noqa: ARG002 - the adapter's signature
        content_type: str = "",  # noqa: ARG002 - the adapter's signature
        if_absent: bool = False,
        if_match: str | None = None,
    ) -> str:
        """Write an object, if the condition holds."""
        self.on_put()
        with self._lock:
            failure, after = self.failures.pop(0) if self.failures else (None, False)
            if failure and not after:
                raise failure
            held = self.objects.get(key)
            if (if_absent and held) or (if_match is not None and (held is None or held[1] != if_match)):
                raise PreconditionFailedError("object store", f"{key} changed")
            etag = f'"{next(self._etags)}"'
            self.objects[key] = (body, etag)
            if failure:
                raise failure
            return etag

    def get(self, key: str, *, limit_bytes: int) -> tuple[bytes, str]:
        """Read an object."""
        if key not in self.objects:
            raise NotFoundError("object store", f"{key} is not there")
        body, etag = self.objects[key]
        return body[:limit_bytes], etag

    def head(self, key: str) -> ObjectHead | None:
        """Look at an object."""
        if key not in self.objects:
            return None
        body, etag = self.objects[key]
        return ObjectHead(key, len(body), etag, {})

    def delete_if(self, key: str, *, etag: str) -> bool:
        """Delete an object, if the condition holds."""
        if key not in self.objects or self.objects[key][1] != etag:
            return False
        del self.objects[key]
        return True
