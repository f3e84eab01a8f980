"""`python -m tests.cluster.machine probe|up|down|status|env`: a real Kubernetes on this machine, for developers."""

from __future__ import annotations

import argparse
import sys
import time

from tests.cluster.machine import ending, machine, probe
from tests.cluster.machine.abilities import missing_ability
from tests.cluster.machine.errors import MachineError, WrongMachineError
from tests.cluster.machine.layout import layout
from tests.termination import end_in_order

CANNOT = 3
"""The code that says: this machine cannot be a cluster. Any other but 0 is a fault."""

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
    end_in_order(lambda: SystemExit(143))
    try:
        return _COMMANDS[command]()
    except (MachineError, OSError) as error:
        lacking = missing_ability(error)
        if isinstance(error, OSError) and not lacking:
            raise
        print(error, file=sys.stderr)
        if lacking:
            print(f"this machine's kernel or container does not allow it: {lacking}", file=sys.stderr)
        return CANNOT if lacking or isinstance(error, WrongMachineError) else 1


def _up() -> int:
    began = time.monotonic()
    machine.up(layout(), tell=lambda text: print(f"cluster {time.monotonic() - began:4.0f} s  {text}", flush=True))
    print(f"kubectl --kubeconfig {layout().kubeconfig} get nodes")
    return 0


def _probe() -> int:
    probe.probe(tell=print)
    return 0


def _down() -> int:
    ending.down(layout(), tell=print)
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
