"""Whether what a cluster holds is already what a deploy would apply: pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from k8s.manifests.labels import MODEL_LABEL
from k8s.manifests.stamp import stamp_of

Json = Mapping[str, Any]


def is_same(live: Json | None, wanted: Json) -> bool:
    """Tell whether a live object says what a stamped manifest says.

    What others add (defaults, status, their own labels) does not count. What was taken out of the manifest does: the
    stamp differs then, though every wanted field is there.

    Args:
        live: the object as the API returns it; None if there is none.
        wanted: the manifest, stamped.
    """
    if live is None or stamp_of(live) != stamp_of(wanted):
        return False
    return _holds(live["metadata"], wanted["metadata"]) and _holds(live["spec"], wanted["spec"])


def owner_of(live: Json) -> str | None:
    """The catalog key of the model that an object belongs to; None if slipway did not make it."""
    found: str | None = (live.get("metadata", {}).get("labels") or {}).get(MODEL_LABEL)
    return found


def _holds(live: object, wanted: object) -> bool:
    if isinstance(wanted, Mapping):
        return isinstance(live, Mapping) and all(key in live and _holds(live[key], wanted[key]) for key in wanted)
    if isinstance(wanted, Sequence) and not isinstance(wanted, str):
        return (
            isinstance(live, Sequence)
            and len(live) == len(wanted)
            and all(_holds(one, other) for one, other in zip(live, wanted, strict=True))
        )
    return bool(live == wanted)
