"""What was asked of the Hub and how many bytes it gave, for tests and measurements."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase

from sandbox.hub.faults import Effect, Origin, Pass

_KEPT = 100_000  # a demo's server runs for days


@dataclass
class Entry:
    """A request, filled in as it is answered.

    Attributes:
        origin: the Hub, or the host of the signed addresses.
        method: HTTP method.
        path: decoded URL path, without the query.
        range: Range header, None without.
        authorized: whether the request had an Authorization header.
        status: HTTP status of the answer; 0 where the connection ended before it.
        sent: bytes of the body that were handed to the network.
        seconds: from the request's first line to the last byte of the answer.
        effect: the fault that it met.
    """

    origin: Origin
    method: str
    path: str
    range: str | None = None
    authorized: bool = False
    status: int = 0
    sent: int = 0
    seconds: float = 0.0
    effect: Effect = Pass()  # noqa: RUF009 - immutable


class RequestLog:
    """The requests of one server, oldest first; safe to use from several threads.

    Args:
        on_answer: called with each request once it was answered.
    """

    most_at_once: int
    """The most requests that were answered at one time."""

    def __init__(self, on_answer: Callable[[Entry], None] | None = None) -> None:
        self.most_at_once = 0
        self._entries: deque[Entry] = deque(maxlen=_KEPT)
        self._in_flight = 0
        self._changed = threading.Condition()
        self._on_answer = on_answer

    @contextmanager
    def record(self, entry: Entry) -> Iterator[Entry]:
        """Keep a request from its beginning; its answer is over when the block ends."""
        started = time.monotonic()
        with self._changed:
            self._entries.append(entry)
            self._in_flight += 1
            self.most_at_once = max(self.most_at_once, self._in_flight)
        try:
            yield entry
        finally:
            entry.seconds = time.monotonic() - started
            with self._changed:
                self._in_flight -= 1
                self._changed.notify_all()
            if self._on_answer is not None:
                self._on_answer(entry)

    def entries(self, path: str = "*", *, origin: Origin | None = None, settle: float = 10.0) -> list[Entry]:
        """The requests so far.

        Args:
            path: glob on the path; `*` matches slashes too.
            origin: only those of this origin.
            settle: seconds to wait at most for requests in flight: a client has its last byte before we count it.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._in_flight == 0, timeout=settle)
            return [
                entry for entry in self._entries if origin in (None, entry.origin) and fnmatchcase(entry.path, path)
            ]

    def sent(self, path: str = "*", *, origin: Origin | None = None) -> int:
        """Bytes of bodies sent for the requests that `entries` would give; `origin="cdn"` are the weights."""
        return sum(entry.sent for entry in self.entries(path, origin=origin))

    def clear(self) -> None:
        """Forget everything so far, before the part that a test is about."""
        self.entries()
        with self._changed:
            self._entries.clear()
            self.most_at_once = self._in_flight
