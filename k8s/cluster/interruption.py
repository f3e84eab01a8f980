"""Lets one thread end the blocking read of another, so that nothing has to poll a flag."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import urllib3


class Interruption:
    """Ends a blocking read in one thread from another one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._responses: set[urllib3.HTTPResponse] = set()
        self._asked = threading.Event()

    def __bool__(self) -> bool:
        return self._asked.is_set()

    def wait(self, seconds: float) -> None:
        """Wait that long, or until the interruption."""
        self._asked.wait(seconds)

    def interrupt(self) -> None:
        """End every guarded read, now and later."""
        with self._lock:
            self._asked.set()
            for response in self._responses:
                _end(response)

    @contextmanager
    def guarding(self, response: urllib3.HTTPResponse) -> Iterator[None]:
        """Make one response's reads end at the interruption."""
        with self._lock:
            self._responses.add(response)
            if self:
                _end(response)
        try:
            yield
        finally:
            with self._lock:
                self._responses.discard(response)


def _end(response: urllib3.HTTPResponse) -> None:
    # A response that has come to its end by itself has no socket left to shut down, and needs none.
    with suppress(RuntimeError, ValueError, OSError):
        response.shutdown()
