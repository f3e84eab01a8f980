"""Which TCP port each server of the sandbox listens on, and who holds a port that is taken."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from sandbox.errors import BadPortError, PortTakenError

BASE_VARIABLE = "SLIPWAY_SANDBOX_PORT"
DEFAULT_BASE = 14200
NAMES = (
    "prefect",
    "hub",
    "s3",
    "registry",
    "kube",
    "worker",
    "s3-grpc",
    "s3-master",
    "s3-master-grpc",
    "s3-volume",
    "s3-volume-grpc",
    "s3-filer",
    "s3-filer-grpc",
    "hub-cdn",
    "kserve",
    "s3-metrics",
)
"""A port's place in this list is its distance from the base port: append, never insert."""

_LETTING_GO_SECONDS = 2.0
_HOST = "127.0.0.1"
_LISTENING = "0A"  # the state of a listening socket in /proc/net/tcp
_LOWEST, _HIGHEST = 1024, 65000
_QUIET_RANGE = range(10000, 14000)


def variable(name: str) -> str:
    """The environment variable that sets one port alone."""
    return f"SLIPWAY_SANDBOX_{name.upper().replace('-', '_')}_PORT"


def choose(environment: Mapping[str, str], *, recorded: Mapping[str, int]) -> dict[str, int]:
    """Every port by name: what the environment says, else what an earlier start recorded, else the default.

    Raises:
        BadPortError: a variable holds no usable number.
    """
    base = environment.get(BASE_VARIABLE)
    first = _number(BASE_VARIABLE, base) if base else DEFAULT_BASE
    ports = {name: first + offset for offset, name in enumerate(NAMES)}
    if not base:
        ports |= {name: port for name, port in recorded.items() if name in ports}
    ports |= {name: _number(variable(name), text) for name in NAMES if (text := environment.get(variable(name)))}
    return ports


def free() -> dict[str, int]:
    """Ports that nobody listens on now, for a sandbox that lives as long as a test."""
    # Below the ranges that the system takes outgoing connections' ports from, and the cluster those of its pods: they
    # would collide with a port that is chosen now and used in a second.
    candidates = random.sample(_QUIET_RANGE, k=len(_QUIET_RANGE))
    return dict(zip(NAMES, filter(is_free, candidates), strict=False))


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket() as probe:
        # Without this, connections of the server that was just stopped would count as somebody.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError:
            return False
        return True


def require_free(name: str, *, port: int) -> None:
    """Refuse a port that somebody listens on.

    Raises:
        PortTakenError: it names the holder, as far as this user may know it.
    """
    # The system lets go of a killed server's port a moment after the process is gone.
    deadline = time.monotonic() + _LETTING_GO_SECONDS
    while not is_free(port) and holder(port) is None and time.monotonic() < deadline:
        time.sleep(_LETTING_GO_SECONDS / 40)
    if not is_free(port):
        raise PortTakenError(
            service=name, port=port, variable=variable(name), base_variable=BASE_VARIABLE, holder=holder(port)
        )


def holder(port: int) -> str | None:
    """Who listens on the port, as `process PID (command)`; None where the system does not tell."""
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    if not sockets:
        return None
    for process in Path("/proc").glob("[0-9]*"):
        if any(target in sockets for target in _open_files(process)):
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            return f"process {process.name} ({command[:120]})"
    return None


def _open_files(process: Path) -> Iterator[str]:
    """What a process has open; nothing if it belongs to another user, or ended."""
    with suppress(OSError):
        for link in (process / "fd").iterdir():
            with suppress(FileNotFoundError):  # closed meanwhile
                yield str(link.readlink())


def _listening_inodes(port: int) -> list[str]:
    found: list[str] = []
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        if not table.is_file():
            continue
        for line in table.read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                found.append(fields[9])
    return found


def _number(name: str, text: str) -> int:
    if not text.isdecimal() or not _LOWEST <= int(text) <= _HIGHEST:
        raise BadPortError(variable=name, value=text)
    return int(text)
