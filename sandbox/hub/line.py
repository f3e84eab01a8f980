"""A line of a given rate that all connections share, as the one link to a data centre is."""

from __future__ import annotations

import threading
import time


class Line:
    """Tells senders when it is free again; safe to share between threads.

    Args:
        bytes_per_second: its rate.
    """

    def __init__(self, bytes_per_second: float) -> None:
        self._rate = bytes_per_second
        self._free_at = 0.0
        self._lock = threading.Lock()

    def take(self, count: int) -> float:
        """Put bytes on the line; return the seconds until the last of them has left it."""
        with self._lock:
            now = time.monotonic()
            self._free_at = max(now, self._free_at) + count / self._rate
            return self._free_at - now
