"""Ports of 127.0.0.1 for what a cluster has addresses of its own for: pods' ports and Services' node ports."""

import random
import socket

NODE_PORTS = range(30000, 32768)
"""Kubernetes' own range. Both are below the one that the system takes outgoing connections' ports from."""
POD_PORTS = range(20000, 30000)


def choose(among: range) -> int:
    """Return a port that nobody listens on now.

    Raises:
        RuntimeError: all are taken.
    """
    for port in random.sample(among, k=len(among)):
        if is_free(port):
            return port
    raise RuntimeError(f"all ports from {among.start} to {among.stop - 1} are taken")


def is_free(port: int) -> bool:
    """Tell whether a server could listen on a port of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))  # all addresses: servers in pods like to listen on every one
        except OSError:
            return False
        return True
