"""Decides how long to wait for an API that is away, and when to give up."""

from __future__ import annotations

import time

from k8s.cluster.interruption import Interruption
from k8s.errors import ClusterUnavailableError

OUTAGE_SECONDS = 120.0
"""How long the API may be away in one piece: its restart takes seconds, a control plane's upgrade about a minute."""

_FIRST_BACKOFF_SECONDS = 0.2
_LAST_BACKOFF_SECONDS = 5.0


class Outage:
    """Waits between attempts, longer each time, and gives up when the API was away too long."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: float | None = None
        self._backoff = _FIRST_BACKOFF_SECONDS
        self.attempts = 0

    def over(self) -> None:
        """Note that the API answers."""
        self._since, self._backoff, self.attempts = None, _FIRST_BACKOFF_SECONDS, 0

    def wait(self, error: ClusterUnavailableError, interruption: Interruption) -> None:
        """Wait before the next attempt, or raise the error if there were enough."""
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        if now - self._since >= self._seconds:
            raise error
        self.attempts += 1
        interruption.wait(self._backoff)
        self._backoff = min(self._backoff * 2, _LAST_BACKOFF_SECONDS)
