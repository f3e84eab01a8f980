"""Label and field selectors: text in, predicate over objects out."""

import re
from collections.abc import Callable

from sandbox.kube.errors import BadRequestError
from sandbox.kube.objects import Json, Object, dig, labels_of

Predicate = Callable[[Object], bool]

_SET = re.compile(r"^\s*(?P<key>\S+)\s+(?P<op>in|notin)\s*\((?P<values>[^)]*)\)\s*$")
_EQUAL = re.compile(r"^\s*(?P<key>[^\s=!]+)\s*(?P<op>==|!=|=)\s*(?P<value>\S*)\s*$")
_EXISTS = re.compile(r"^\s*(?P<not>!?)\s*(?P<key>[^\s=!(),]+)\s*$")
_COMMA = re.compile(r",(?![^(]*\))")  # not those inside `in (a, b)`


def label_selector(text: str) -> Predicate:
    """Read a `labelSelector` query parameter.

    Raises:
        BadRequestError: it cannot be read.
    """
    tests = [_label_test(part) for part in _COMMA.split(text) if part.strip()]
    return lambda obj: all(test(labels_of(obj)) for test in tests)


def field_selector(text: str) -> Predicate:
    """Read a `fieldSelector` query parameter: dotted paths compared with `=`, `==` or `!=`; a missing field is empty.

    Raises:
        BadRequestError: it cannot be read.
    """
    tests = []
    for part in filter(str.strip, text.split(",")):
        match = _EQUAL.match(part)
        if match is None:
            raise BadRequestError(f'invalid field selector "{part}"')
        tests.append((match["key"], match["op"] != "!=", match["value"]))
    return lambda obj: all((_as_text(dig(obj, path)) == value) is wanted for path, wanted, value in tests)


def _as_text(value: Json) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def matches_labels(selector: Object, labels: dict[str, str]) -> bool:
    """Tell whether labels fit a `LabelSelector` object (matchLabels and matchExpressions)."""
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_expression(entry)(labels) for entry in selector.get("matchExpressions") or [])


def _expression(entry: Object) -> Callable[[dict[str, str]], bool]:
    key, values = entry["key"], set(entry.get("values") or [])
    tests: dict[str, Callable[[dict[str, str]], bool]] = {
        "In": lambda labels: labels.get(key) in values,
        "NotIn": lambda labels: labels.get(key) not in values,
        "Exists": lambda labels: key in labels,
        "DoesNotExist": lambda labels: key not in labels,
    }
    return tests[entry["operator"]]


def _label_test(part: str) -> Callable[[dict[str, str]], bool]:
    if match := _SET.match(part):
        values = [value.strip() for value in match["values"].split(",")]
        operator = "In" if match["op"] == "in" else "NotIn"
        return _expression({"key": match["key"], "operator": operator, "values": values})
    if match := _EQUAL.match(part):
        operator = "NotIn" if match["op"] == "!=" else "In"
        return _expression({"key": match["key"], "operator": operator, "values": [match["value"]]})
    if match := _EXISTS.match(part):
        return _expression({"key": match["key"], "operator": "DoesNotExist" if match["not"] else "Exists"})
    raise BadRequestError(f'unable to parse requirement: invalid label selector "{part}"')
