"""How our containers of an evaluation Job end: one sentence in the log and in the pod's termination message."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from blocks.errors import BlockError
from deployments.errors import SettingsError

_MESSAGE_CHARACTERS = 4096


def ended(work: Callable[[], str]) -> int:
    """Do the work, tell its result, and return the exit code: 0, or 1 for an error of ours.

    Args:
        work: does it, and says in one sentence what it did.
    """
    try:
        sentence = work()
    except (BlockError, SettingsError, OSError) as error:
        _leave(str(error))
        sys.stderr.write(f"{error}\n")
        return 1
    _leave(sentence)
    sys.stdout.write(f"{sentence}\n")
    return 0


def _leave(message: str) -> None:
    """Write to where Kubernetes keeps a pod's last word."""
    path = os.environ.get("TERMINATION_LOG")
    if path:
        Path(path).write_text(message[:_MESSAGE_CHARACTERS], encoding="utf-8")
