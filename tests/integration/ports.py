"""Free ports for the servers that tests start."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from random import SystemRandom

_PORTS = range(16_000, 30_000)
"""Below those that Linux gives to outgoing connections: one of them would take a port before its server does."""


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on now."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Return ports of 127.0.0.1 that nobody listens on now, each a different one."""
    with ExitStack() as held:
        ports: list[int] = []
        while len(ports) < count:
            port = SystemRandom().choice(_PORTS)
            probe = held.enter_context(socket.socket())
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:  # taken: another one
                continue
            ports.append(port)
        return ports
