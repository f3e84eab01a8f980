"""Free ports for the servers that tests start."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack
from itertools import cycle
from random import SystemRandom

_WORKER, _WORKERS = (
    int(os.environ.get(f"PYTEST_XDIST_WORKER{name}", default).removeprefix("gw"))
    for name, default in (("", "gw0"), ("_COUNT", "1"))
)
_FIRST, _LAST = 16_000, 20_000
"""Below those that Linux gives to outgoing connections, and those of the sandbox's pods and node ports: one of them
would take a port before its server does."""

_PORTS = cycle(SystemRandom().sample(range(_FIRST + _WORKER, _LAST, _WORKERS), (_LAST - _FIRST) // _WORKERS))
"""No port twice, and none of a parallel worker's: a server takes seconds to bind what it was given."""


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on now."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Return ports of 127.0.0.1 that nobody listens on now, each a different one."""
    with ExitStack() as held:
        ports: list[int] = []
        while len(ports) < count:
            port = next(_PORTS)
            probe = held.enter_context(socket.socket())
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:  # taken: another one
                continue
            ports.append(port)
        return ports
