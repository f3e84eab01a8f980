"""The control group that all pods are in: it knows every process of every container, whoever has died."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_NAME = "kubepods"
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
    return {int(line) for group in _groups() for line in (group / "cgroup.procs").read_text().split()}


def _groups() -> list[Path]:
    """Every group of pods, in one hierarchy (version 2) or in one for each controller, the deepest first."""
    tops = [top for top in (_ROOT / _NAME, *_ROOT.glob(f"*/{_NAME}")) if top.is_dir()]
    found = [path for top in tops for path in (top, *top.rglob("*")) if path.is_dir()]
    return sorted(found, key=lambda path: -len(path.parts))
