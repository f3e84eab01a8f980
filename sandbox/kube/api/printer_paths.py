"""The JSONPaths that definitions use for the columns of `kubectl get`."""

import re

from sandbox.kube.objects import Json

_STEP = re.compile(
    r"\.?(?P<field>(?:\\.|[^.\[\]\\])+)"  # a dot of a name is written \.
    r"|\[\?\(@\.(?P<key>[\w.]+)\s*==\s*(?P<value>[^)]+)\)\]"
    r"|\[(?P<index>\d+|\*)\]"
)


def read(obj: Json, path: str) -> Json:
    """Return what a path names; None where it leads nowhere, of several values the first, as the real server does.

    Known are fields, `[0]`, `[*]` and `[?(@.key=="value")]`.
    """
    found = [obj]
    for step in _STEP.finditer(path):
        found = [inner for each in found for inner in _follow(each, step)]
    return found[0] if found else None


def _follow(at: Json, step: "re.Match[str]") -> list[Json]:
    if field := step["field"]:
        name = field.replace("\\.", ".")
        return [at[name]] if isinstance(at, dict) and at.get(name) is not None else []
    if not isinstance(at, list):
        return []
    if key := step["key"]:
        wanted = step["value"].strip().strip("\"'")
        return [item for item in at if isinstance(item, dict) and _text(item.get(key)) == wanted]
    if step["index"] == "*":
        return at
    position = int(step["index"])
    return at[position : position + 1]


def _text(value: Json) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
