"""Make, show or take away the automations: `python -m flows.automations apply|show|remove`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from blocks.errors import BlockError
from blocks.loading import notification_document
from flows.automations.applying import apply_automations, look_at_automations, remove_automations
from flows.automations.definitions import automations


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m flows.automations", description=__doc__)
    parser.add_argument("command", choices=("apply", "show", "remove"))
    command = parser.parse_args(arguments).command
    try:
        for line in _run(command):
            print(line)
    except BlockError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _run(command: str) -> list[str]:
    if command == "apply":
        return apply_automations(automations(notification=notification_document()))
    if command == "remove":
        return [f"{name}: removed" for name in remove_automations()] or ["there were none"]
    return [f"{name}: {standing}" for name, standing in look_at_automations().items()]


if __name__ == "__main__":
    sys.exit(main())
