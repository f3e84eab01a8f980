"""Lets one command at a time change a sandbox."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from sandbox.layout import claim


@contextmanager
def exclusive(root: Path, *, say: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock of the state folder `root`, which is made if missing; it ends with the process, however that ends.

    Raises:
        NotOurStateError: the folder holds somebody else's files.
    """
    while True:
        mark = claim(root)
        with mark.open("a+", encoding="ascii") as stream:
            _wait(stream, say=say)
            # Whom we waited for may have deleted the folder, and the file that we now hold with it.
            if not mark.exists() or mark.stat().st_ino != os.fstat(stream.fileno()).st_ino:
                continue
            stream.truncate(0)
            stream.write(str(os.getpid()))
            stream.flush()
            yield
            return


def _wait(stream: TextIO, *, say: Callable[[str], None]) -> None:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        stream.seek(0)
        say(f"Another command (process {stream.read().strip() or 'unknown'}) is changing this sandbox; waiting for it")
        fcntl.flock(stream, fcntl.LOCK_EX)
