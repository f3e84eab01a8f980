"""`python -m tests.cluster.machine probe|up|down|status|env`: a real Kubernetes on this machine, for developers."""

from __future__ import annotations

import argparse
import sys
import time

from tests.cluster.machine import machine, probe
from tests.cluster.machine.errors import MachineError
from tests.cluster.machine.layout import layout

_HELP = {
    "probe": "find out by trying whether this machine can be a cluster",
    "up": "make and start what is not there yet",
    "down": "end it and remove every trace",
    "status": "say how each component is",
    "env": "print the shell variables that point kubectl and the tests at it",
}


def main(arguments: list[str]) -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster.machine", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in _HELP.items():
        commands.add_parser(name, help=text, description=text)
    command: str = parser.parse_args(arguments).command
    try:
        return _COMMANDS[command]()
    except MachineError as error:
        print(error, file=sys.stderr)
        return 1


def _up() -> int:
    began = time.monotonic()
    machine.up(layout(), tell=lambda text: print(f"cluster {time.monotonic() - began:4.0f} s  {text}", flush=True))
    print(f"kubectl --kubeconfig {layout().kubeconfig} get nodes")
    return 0


def _probe() -> int:
    probe.probe(tell=print)
    return 0


def _down() -> int:
    machine.down(layout(), tell=print)
    return 0


def _status() -> int:
    told = machine.status(layout())
    for name, state in told.items():
        print(f"{name:24} {state}")
    if not told:
        print("no cluster here; make one: make cluster")
    return 0 if told and all(state == "well" for state in told.values()) else 1


def _env() -> int:
    print(f"export KUBECONFIG={layout().kubeconfig}")
    print(f"export SLIPWAY_TEST_KUBECONFIG={layout().kubeconfig}")
    return 0


_COMMANDS = {"probe": _probe, "up": _up, "down": _down, "status": _status, "env": _env}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
