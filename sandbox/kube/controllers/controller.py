"""The loop that all controllers share: keys of what changed, reconciled one at a time, again after errors."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import aiohttp

from sandbox.kube.errors import ApiError

_log = logging.getLogger(__name__)
_RETRY_SECONDS = 0.2

Key = tuple[str, str]  # namespace, name
Reconcile = Callable[[Key], Awaitable[float | None]]  # returns the seconds after which to look again


class Controller:
    """A queue of keys without duplicates, and the coroutine that brings one key's objects to what they should be."""

    def __init__(self, name: str, reconcile: Reconcile) -> None:
        self._name, self._reconcile = name, reconcile
        self._queue: asyncio.Queue[Key] = asyncio.Queue()
        self._queued: set[Key] = set()
        self._timers: dict[Key, asyncio.TimerHandle] = {}

    def add(self, key: Key) -> None:
        """Ask for a key to be looked at."""
        if key not in self._queued:
            self._queued.add(key)
            self._queue.put_nowait(key)

    async def run(self) -> None:
        """Reconcile until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            key = await self._queue.get()
            self._queued.discard(key)
            if timer := self._timers.pop(key, None):
                timer.cancel()
            try:
                again = await self._reconcile(key)
            except (ApiError, aiohttp.ClientError, ConnectionError) as error:
                _log.info("%s: %s again: %s", self._name, "/".join(key), error)
                again = _RETRY_SECONDS
            except (KeyError, TypeError, ValueError, AttributeError):
                # An object of a shape that nobody expected is left alone; all others still need this loop.
                _log.exception("%s: cannot handle %s", self._name, "/".join(key))
                again = None
            if again is not None:
                self._timers[key] = loop.call_later(max(0.0, again), self.add, key)
