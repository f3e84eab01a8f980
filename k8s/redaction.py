"""Takes secrets out of what is shown or stored: manifests, logs and events: pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "(hidden)"

_SECRET_NAME = re.compile(
    r"token|secret|password|passwd|credential|api_?key|access_?key|private_?key|auth", re.IGNORECASE
)
_SECRET_TEXT = (
    re.compile(r"\bhf_[A-Za-z0-9]{16,}"),
    re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    re.compile(r"\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*"),  # a service account's or another JSON web token
    re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"),
    re.compile(r"(?i)(?<=bearer )[\w.~+/=-]{8,}"),
    re.compile(r"(?i)(?<=x-amz-signature=)[0-9a-f]+"),
    re.compile(r"(?i)(?<=x-amz-credential=)[^&\s]+"),
    re.compile(r"(?i)(?<=x-amz-security-token=)[^&\s]+"),
    re.compile(
        r"""(?ix)(?:token|password|passwd|secret|secret_?key|api_?key|access_?key(?:_id)?)
        ["']?\s*[=:]\s*["']?(?!null|none|true|false)(?P<value>[^\s"',;&}]{6,})"""
    ),
)
_HELD_BY_SERVER = ("managedFields",)
_REPEATS_ALL = "kubectl.kubernetes.io/last-applied-configuration"


def redacted_text(text: str) -> str:
    """Return a text, such as a log, without what looks like a secret."""
    for pattern in _SECRET_TEXT:
        text = pattern.sub(_hide, text)
    return text


def redacted(thing: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object without secret values, and without what only the server cares about.

    A Secret keeps the names of its keys. Environment variables whose name speaks of a secret lose a literal value; one
    that refers to a Secret keeps the reference.
    """
    cleaned = _without_secrets(thing)
    if cleaned.get("kind") == "Secret":
        for field in ("data", "stringData"):
            if field in cleaned:
                cleaned[field] = dict.fromkeys(cleaned[field], HIDDEN)
    metadata = {key: value for key, value in cleaned.get("metadata", {}).items() if key not in _HELD_BY_SERVER}
    if _REPEATS_ALL in metadata.get("annotations", {}):
        metadata["annotations"] = {key: each for key, each in metadata["annotations"].items() if key != _REPEATS_ALL}
    return {**cleaned, "metadata": metadata}


def _without_secrets(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, Mapping):
        cleaned = {key: _without_secrets(each) for key, each in value.items()}
        if isinstance(cleaned.get("name"), str) and isinstance(cleaned.get("value"), str):
            named_so = _SECRET_NAME.search(cleaned["name"]) is not None
            return {**cleaned, "value": HIDDEN} if named_so and cleaned["value"] else cleaned
        return cleaned
    if isinstance(value, list | tuple):
        return [_without_secrets(each) for each in value]
    return redacted_text(value) if isinstance(value, str) else value


def _hide(found: re.Match[str]) -> str:
    value = found.groupdict().get("value")
    return HIDDEN if value is None else found[0][: -len(value)] + HIDDEN
