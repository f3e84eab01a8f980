"""Lay an environment's file over a model's: a replica may have other numbers and hardware, never weaker guards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

# What a stand-in for a model must be able to change. Everything else (where the bytes come from, which files are
# wanted, what they may contain, and every name) is the same wherever the flows run: what the sandbox proves would
# otherwise not hold in production.
CHANGEABLE = (
    "identity",
    "approximate_weights_gb",
    "serving.gpus",
    "serving.node_selector",
    "serving.tolerations",
    "serving.resources",
    "serving.shared_memory",
    "serving.vllm_args",
    "serving.container_concurrency",
    "serving.load_seconds",
    "evaluation",
    "benchmark",
    "gates",
    "cost_per_hour_usd",
)


def merge(base: Mapping[str, Any], overlay: Mapping[str, Any]) -> dict[str, Any]:
    """Return the base with the overlay's values: a JSON merge patch (RFC 7386).

    Mappings merge key by key, lists and scalars are replaced as a whole, and null removes the key.
    """
    merged = dict(base)
    for key, value in overlay.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping):
            below = merged.get(key)
            merged[key] = merge(below if isinstance(below, Mapping) else {}, value)
        else:
            merged[key] = value
    return merged


def refused_keys(overlay: Mapping[str, Any]) -> list[str]:
    """Return the dotted keys that an overlay sets and may not, in the overlay's order."""
    return list(_refused(overlay, ""))


def _refused(overlay: Mapping[str, Any], above: str) -> Iterator[str]:
    for key, value in overlay.items():
        dotted = f"{above}{key}"
        if dotted in CHANGEABLE:
            continue
        # `serving` itself may not be replaced or removed, but parts of it may be set.
        if isinstance(value, Mapping) and value and any(part.startswith(f"{dotted}.") for part in CHANGEABLE):
            yield from _refused(value, f"{dotted}.")
        else:
            yield dotted
