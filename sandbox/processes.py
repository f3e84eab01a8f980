"""Detached processes that are known by pid and start time, so that a pid that was given away again is never killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from sandbox.errors import StillRunningError

MEMBER_VARIABLE = "SLIPWAY_SANDBOX_MEMBER"
"""Set in every process of a sandbox, and inherited by what that starts: `{state folder}#{service}`."""

_ENDED = ("Z", "X")
_LOOK_EVERY = 0.05  # seconds
_KILL_SECONDS = 60.0
_children: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True)
class Process:
    """A process that we started.

    Attributes:
        pid: leader of a session and process group of its own.
        identity: what no other process with this pid has: the boot and the time it was started at.
        fingerprint: of the command and settings it was started with.
        since: Unix time.
    """

    pid: int
    identity: str
    fingerprint: str
    since: float


def start(command: Sequence[str], *, environment: Mapping[str, str], folder: Path, log: Path, mark: str) -> Process:
    """Start a process in a session of its own, so that it outlives the terminal.

    Args:
        command: program and arguments.
        environment: all of its variables.
        folder: its working directory.
        log: standard output and error are appended to it.
        mark: fingerprint to remember.

    Raises:
        OSError: the program cannot be started.
    """
    with log.open("ab") as output:
        child = subprocess.Popen(
            list(command),
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _children[child.pid] = child
    return Process(pid=child.pid, identity=identity(child.pid) or "", fingerprint=mark, since=time.time())


def is_running(process: Process) -> bool:
    """Whether this very process still runs."""
    return bool(process.identity) and identity(process.pid) == process.identity


def exit_code(process: Process) -> int | None:
    """How a process that this program started ended; None if unknown."""
    child = _children.get(process.pid)
    return child.poll() if child else None


def stop(process: Process, *, grace: float) -> None:
    """End a process and its group: SIGTERM to the leader, SIGKILL to whoever is left after `grace` seconds.

    Raises:
        StillRunningError: even SIGKILL did not end it.
    """
    if is_running(process):
        _signal(process.pid, signal.SIGTERM)
        _signal(process.pid, signal.SIGCONT)  # a stopped process hears nothing else
        deadline = time.monotonic() + grace
        while is_running(process) and time.monotonic() < deadline:
            time.sleep(_LOOK_EVERY)
        if is_running(process):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            _await_end({process.pid: process.identity})


def members(mark: str) -> list[int]:
    """Pids of this user's processes that carry the mark of a sandbox, or of one of its services.

    This finds what no pid file names any more: pods of an API server that was killed, a service whose pid file was
    lost. Systems without /proc show nothing here.

    Args:
        mark: `{state folder}#{service}`, or `{state folder}#` for all services.
    """
    wanted = f"\0{MEMBER_VARIABLE}={mark}".encode()
    found: list[int] = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            variables = b"\0" + (folder / "environ").read_bytes()
        except OSError:  # it ended meanwhile, or belongs to another user
            continue
        position = variables.find(wanted)
        # The mark of a whole sandbox is a prefix; that of a service must end where the variable ends.
        whole = mark.endswith("#") or variables[position + len(wanted) :][:1] in (b"\0", b"")
        if position >= 0 and whole and int(folder.name) != os.getpid() and identity(int(folder.name)):
            found.append(int(folder.name))
    return sorted(found)


def end_members(mark: str, *, grace: float = 2.0) -> int:
    """End every process that carries the mark; return how many there were.

    Raises:
        StillRunningError: even SIGKILL did not end one.
    """
    found = {pid: identity(pid) for pid in members(mark)}
    for pid in found:
        _signal(pid, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while _left(found) and time.monotonic() < deadline:
        time.sleep(_LOOK_EVERY)
    for pid in _left(found):
        _signal(pid, signal.SIGKILL)
    _await_end(found)
    return len(found)


def write(file: Path, process: Process) -> None:
    """Remember a process, in one step, so that no reader sees half of it."""
    draft = file.with_suffix(".new")
    draft.write_text(json.dumps(asdict(process)), encoding="utf-8")
    draft.replace(file)


def read(file: Path) -> Process | None:
    """The process a pid file names; None if there is none or the file is unreadable, for example half-written."""
    try:
        return Process(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def identity(pid: int) -> str | None:
    """What tells a process from a later one with the same pid; None if it does not run (a zombie does not)."""
    child = _children.get(pid)
    if child is not None and child.poll() is not None:
        return None
    stat = Path(f"/proc/{pid}/stat")
    if not Path("/proc/self/stat").exists():
        return _identity_from_ps(pid)
    try:
        # The command's name stands in parentheses and may itself hold spaces and parentheses.
        fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in _ENDED else f"{_boot()}:{fields[19]}"


def _identity_from_ps(pid: int) -> str | None:
    answer = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
    )
    state, _, started = answer.stdout.strip().partition(" ")
    return None if not state or state[0] in _ENDED else started.strip()


@cache
def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _left(found: Mapping[int, str | None]) -> list[int]:
    return [pid for pid, known in found.items() if known and identity(pid) == known]


def _await_end(found: Mapping[int, str | None]) -> None:
    """Wait for processes that were killed: one that waits for a disk or a network in the kernel may never end."""
    deadline = time.monotonic() + _KILL_SECONDS
    while left := _left(found):
        if time.monotonic() > deadline:
            raise StillRunningError(pids=left, seconds=_KILL_SECONDS)
        time.sleep(_LOOK_EVERY)


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
