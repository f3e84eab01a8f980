"""Tells a machine that lacks an ability from a fault of ours, by the kernel's own words."""

from __future__ import annotations

import errno
import re

from tests.cluster.machine.errors import CommandFailedError, MachineError, NotReadyError

_WORDS = re.compile(
    r"operation not permitted|permission denied|read-only file system|function not implemented|not supported"
    r"|no such device|unknown device type|cannot allocate memory|no space left on device",
    re.IGNORECASE,
)
_NUMBERS = (errno.EPERM, errno.EACCES, errno.EROFS, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENODEV, errno.ENOSPC)
_LAST_LINES = 30


def missing_ability(error: MachineError | OSError) -> str | None:
    """Return the last line in which the kernel refused something; None if it refused nothing.

    Args:
        error: a command that failed, with its words; a component that did not come up, with its log; or our own call
            of the system.
    """
    lines: list[str] = []
    if isinstance(error, OSError):
        return str(error) if error.errno in _NUMBERS else None
    if isinstance(error, CommandFailedError):
        lines = error.said.splitlines()
    elif isinstance(error, NotReadyError) and error.log.is_file():
        # Only the end: a healthy kubelet without CAP_SYS_RESOURCE is refused things at its start, and lives with it.
        lines = error.log.read_text(errors="replace").splitlines()[-_LAST_LINES:]
    return next((line.strip() for line in reversed(lines) if _WORDS.search(line)), None)
