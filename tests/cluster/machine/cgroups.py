"""The control group that all our pods are in: it knows every process of every container, whoever has died."""

from __future__ import annotations

import errno
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from tests.cluster.machine.errors import LeftoverError, WrongMachineError

NAME = "slipway-cluster"
"""Of our own root, so that the pods of another node are never taken for ours."""

_ROOT = Path("/sys/fs/cgroup")
_VANISHED = (errno.ENOENT, errno.ENODEV)
_BUSY = (errno.EBUSY, errno.ENOTEMPTY)
_LOOK_EVERY = 0.05  # seconds
_SECONDS = 60.0
_NEEDED = ("cpu", "memory", "pids", "cpuset", "devices")


def make() -> None:
    """Make the group below which the kubelet puts its pods; it refuses one that is missing in any hierarchy.

    Raises:
        WrongMachineError: it cannot be made.
    """
    try:
        if _is_unified():
            offered = (_ROOT / "cgroup.controllers").read_text().split()
            (_ROOT / "cgroup.subtree_control").write_text(" ".join(f"+{controller}" for controller in offered))
        for top in _hierarchies():
            (top / NAME).mkdir(exist_ok=True)
    except OSError as error:
        raise WrongMachineError(reason=f"control groups cannot be made: {error}") from error


def kill_pods(*, seconds: float = _SECONDS) -> None:
    """Kill every process of every pod, and wait until they are gone.

    Raises:
        LeftoverError: one outlives it.
    """
    deadline = time.monotonic() + seconds
    while pids := _processes():
        if time.monotonic() > deadline:
            raise LeftoverError(what=", ".join(f"process {pid} of a pod" for pid in sorted(pids)))
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_LOOK_EVERY)


def remove(*, seconds: float = _SECONDS) -> None:
    """Remove the groups, the deepest first; one stays busy for a moment after its last process.

    Raises:
        LeftoverError: one is still busy.
    """
    deadline = time.monotonic() + seconds
    for group in groups():
        while not _is_removed(group):
            if time.monotonic() > deadline:
                raise LeftoverError(what=f"control group {group}")
            time.sleep(_LOOK_EVERY)


def groups() -> list[Path]:
    """Every group of ours, in one hierarchy (version 2) or in one for each controller, the deepest first."""
    # os.walk, unlike rglob, takes no offence at a folder that goes away meanwhile.
    found = [Path(path) for top in _hierarchies() for path, _, _ in os.walk(top / NAME)]
    return sorted(found, key=lambda path: -len(path.parts))


def try_group(name: str) -> None:
    """Make a group in each hierarchy that a kubelet needs, and remove it again.

    Raises:
        OSError: one cannot be made.
    """
    for top in [_ROOT] if _is_unified() else [_ROOT / controller for controller in _NEEDED]:
        group = top / name
        group.mkdir()
        try:
            (group / "cgroup.procs").read_text()
        finally:
            group.rmdir()


def _is_unified() -> bool:
    return (_ROOT / "cgroup.controllers").is_file()


def _hierarchies() -> list[Path]:
    return [_ROOT] if _is_unified() else sorted(file.parent for file in _ROOT.glob("*/cgroup.procs"))


def _processes() -> set[int]:
    return {pid for group in groups() for pid in members(group)}


def members(group: Path) -> list[int]:
    """Return a group's processes; none if the kubelet or a shim has just taken the group away."""
    try:
        pids = [int(line) for line in (group / "cgroup.procs").read_text().split()]
    except OSError as error:
        if error.errno in _VANISHED:
            return []
        raise
    # The kernel shows a process of another pid namespace as 0, and a signal to 0 ends ourselves.
    return [pid for pid in pids if pid > 0]


def _is_removed(group: Path) -> bool:
    try:
        group.rmdir()
    except FileNotFoundError:
        return True
    except OSError as error:
        if error.errno in _BUSY:
            return False
        raise
    return True
