"""Whose turn it is: a few lanes that files share, so that many small ones move in the place of one large one."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Turns:
    """Hands out lanes in the order of asking; safe to share between threads.

    In order, because a large file that needs several lanes at a time would else wait for as long as small ones come.

    Args:
        lanes: how many there are.
    """

    def __init__(self, lanes: int) -> None:
        self._lanes = self._free = lanes
        self._queue: deque[object] = deque()
        self._changed = threading.Condition()

    @contextmanager
    def take(self, lanes: int) -> Iterator[Callable[[], None]]:
        """Wait for lanes, and hold them for a block of code; who asks for more than there are gets all.

        Yields:
            What gives them back before the block ends; to call it again does nothing.
        """
        wanted, ticket = min(lanes, self._lanes), object()
        with self._changed:
            self._queue.append(ticket)
            try:
                self._changed.wait_for(lambda: self._queue[0] is ticket and self._free >= wanted)
                self._free -= wanted
            finally:
                self._queue.remove(ticket)
                self._changed.notify_all()

        def give_back() -> None:
            nonlocal wanted
            with self._changed:
                self._free += wanted
                wanted = 0
                self._changed.notify_all()

        try:
            yield give_back
        finally:
            give_back()
