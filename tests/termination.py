"""Ends a program in order on SIGTERM, which `timeout` and continuous integration send and Python takes no notice of."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType
from typing import NoReturn


def end_in_order(ending: Callable[[], BaseException]) -> None:
    """Raise an exception in the main thread at the first SIGTERM, so that every `finally` and fixture cleans up.

    Args:
        ending: makes the exception.
    """

    def end(_number: int, _frame: FrameType | None) -> NoReturn:
        # `timeout` signals its whole group, and make passes its own on: a second one would break off the cleaning.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise ending()

    signal.signal(signal.SIGTERM, end)
