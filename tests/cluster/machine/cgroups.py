"""The control group that all pods are in: it knows every process of every container, whoever has died."""

from __future__ import annotations

import errno
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_NAME = "kubepods"
_VANISHED = (errno.ENOENT, errno.ENODEV)
_LOOK_EVERY = 0.05  # seconds
_NEEDED = ("cpu", "memory", "pids", "cpuset", "devices")


def kill_pods() -> None:
    """Kill every process of every pod, and wait until they are gone."""
    while pids := _processes():
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_LOOK_EVERY)


def remove() -> None:
    """Remove the groups, the deepest first."""
    for group in _groups():
        with suppress(FileNotFoundError):
            group.rmdir()


def try_group(name: str) -> None:
    """Make a group in each hierarchy that a kubelet needs, and remove it again.

    Raises:
        OSError: one cannot be made.
    """
    unified = (_ROOT / "cgroup.controllers").is_file()
    for top in [_ROOT] if unified else [_ROOT / controller for controller in _NEEDED]:
        group = top / name
        group.mkdir()
        try:
            (group / "cgroup.procs").read_text()
        finally:
            group.rmdir()


def _processes() -> set[int]:
    return {pid for group in _groups() for pid in _members(group)}


def _members(group: Path) -> list[int]:
    """Return a group's processes; none if the kubelet or a shim has just taken the group away."""
    try:
        return [int(line) for line in (group / "cgroup.procs").read_text().split()]
    except OSError as error:
        if error.errno in _VANISHED:
            return []
        raise


def _groups() -> list[Path]:
    """Every group of pods, in one hierarchy (version 2) or in one for each controller, the deepest first."""
    tops = (_ROOT / _NAME, *_ROOT.glob(f"*/{_NAME}"))
    # os.walk, unlike rglob, takes no offence at a folder that goes away meanwhile.
    found = [Path(path) for top in tops for path, _, _ in os.walk(top)]
    return sorted(found, key=lambda path: -len(path.parts))
