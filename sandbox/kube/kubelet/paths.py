"""Puts local folders where a container would see its mounts: by rewriting the paths in its command and environment."""

import re
from collections.abc import Callable, Mapping

_BEFORE = r"(?<![\w.\-/])"  # not inside a longer path: /data is not in /my/data nor in s3://bucket/data
_AFTER = r"(?=/|$|[^\w.\-])"  # and ends where a path component ends: /data is not in /database


def rewriter(folders: Mapping[str, str]) -> Callable[[str], str]:
    """Return a function that replaces each mount path, where it begins a path, by its local folder; longest first."""
    targets = {mount.rstrip("/") or "/": local for mount, local in folders.items()}
    if not targets:
        return lambda text: text
    longest_first = sorted(targets, key=len, reverse=True)
    pattern = re.compile(_BEFORE + "(" + "|".join(map(re.escape, longest_first)) + ")" + _AFTER)
    return lambda text: pattern.sub(lambda match: targets[match[1]], text)
