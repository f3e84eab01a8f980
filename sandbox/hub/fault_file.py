"""Faults for a running sandbox, from a JSON file that is read again whenever it changes.

`{"rules": [{"effect": "status", "code": 503, "path": "*.safetensors", "times": 2}]}`: a rule's own fields and its
effect's fields side by side; the effect's name is its class name in lower case, with hyphens (`ignore-range`).
"""

from __future__ import annotations

import dataclasses
import json
import re
import sys
import threading
from pathlib import Path
from typing import get_args

from pydantic import TypeAdapter, ValidationError

from sandbox.hub.faults import Effect, Faults, Rule

_EFFECTS: dict[str, type[Effect]] = {
    re.sub(r"(?<!^)(?=[A-Z])", "-", effect.__name__).lower(): effect for effect in get_args(Effect)
}
_RULE_FIELDS = {field.name for field in dataclasses.fields(Rule)} - {"effect"}


class FaultFileError(Exception):
    """The file is no list of rules."""


def parse_rules(text: str) -> list[Rule]:
    """Read rules from JSON.

    Raises:
        FaultFileError: with the rule's number and what is wrong with it.
    """
    try:
        rules = list(json.loads(text)["rules"])
    except (ValueError, KeyError, TypeError) as error:
        raise FaultFileError(f'The faults are no JSON object with a list "rules": {error}') from error
    return [_parse_rule(rule, number=number) for number, rule in enumerate(rules, start=1)]


class FaultFile:
    """Keeps a server's faults equal to a file."""

    def __init__(self, file: Path, *, faults: Faults) -> None:
        self._file = file
        self._faults = faults
        self._look: tuple[int, int, int] | None = None
        self._lock = threading.Lock()

    def refresh(self) -> None:
        """Read the file if it changed; a missing file means no faults, an unreadable one keeps the former rules."""
        with self._lock:  # a second reading would set the counts of the rules back
            self._refresh()

    def _refresh(self) -> None:
        try:
            found = self._file.stat()
        except FileNotFoundError:
            if self._look is not None:
                self._look = None
                self._faults.clear()
            return
        look = (found.st_ino, found.st_mtime_ns, found.st_size)
        if look == self._look:
            return
        self._look = look
        try:
            self._faults.replace(parse_rules(self._file.read_text(encoding="utf-8")))
        except FaultFileError as error:
            # A running server must not die of somebody's half-typed file; they see this in its log.
            print(f"{self._file}: {error}. The former rules stay in force", file=sys.stderr, flush=True)


def _parse_rule(data: object, *, number: int) -> Rule:
    try:
        rest = dict(data) if isinstance(data, dict) else {}
        kind = _EFFECTS[str(rest.pop("effect", ""))]
        rule = {name: rest.pop(name) for name in _RULE_FIELDS & rest.keys()}
        unknown = rest.keys() - {field.name for field in dataclasses.fields(kind)}
    except KeyError as error:
        raise FaultFileError(f"Rule {number} has no effect {error}; effects are {', '.join(_EFFECTS)}") from error
    if unknown:
        raise FaultFileError(f"Rule {number} has unknown fields: {', '.join(sorted(unknown))}")
    try:
        effect = TypeAdapter(kind).validate_python(rest)
        return TypeAdapter(Rule).validate_python({"effect": effect, **rule})
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise FaultFileError(f"Rule {number} is wrong: {wrong}") from error
