"""Names for what every Kubernetes object has: metadata, labels, owners, times."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, TypeAlias

Json: TypeAlias = Any  # what json.loads may return; a recursive type would need a cast at every step
Object: TypeAlias = dict[str, Any]


def now() -> str:
    """Return the present as Kubernetes writes a `Time`: seconds, UTC, `Z`."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def now_micro() -> str:
    """Return the present as Kubernetes writes a `MicroTime`: microseconds, UTC, `Z`."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: str) -> datetime:
    """Read a Kubernetes time (RFC 3339, up to nanoseconds) as an aware datetime."""
    return datetime.fromisoformat(text)


def seconds_since(text: str) -> float:
    """Return the seconds that passed since a Kubernetes time."""
    return (datetime.now(UTC) - parse_time(text)).total_seconds()


def new_uid() -> str:
    """Return a fresh object uid."""
    return str(uuid.uuid4())


def metadata(obj: Object) -> Object:
    """Return the object's metadata, empty if it has none."""
    found: Object = obj.get("metadata") or {}
    return found


def name_of(obj: Object) -> str:
    """Return the object's name, empty if it has none yet."""
    return str(metadata(obj).get("name") or "")


def namespace_of(obj: Object) -> str:
    """Return the object's namespace, empty for a cluster-wide one."""
    return str(metadata(obj).get("namespace") or "")


def uid_of(obj: Object) -> str:
    """Return the object's uid."""
    return str(metadata(obj).get("uid") or "")


def labels_of(obj: Object) -> dict[str, str]:
    """Return the object's labels."""
    found: dict[str, str] = metadata(obj).get("labels") or {}
    return found


def key_of(obj: Object) -> tuple[str, str]:
    """Return (namespace, name)."""
    return namespace_of(obj), name_of(obj)


def owners_of(obj: Object) -> Iterator[Object]:
    """Yield the object's owner references."""
    yield from metadata(obj).get("ownerReferences") or []


def controller_of(obj: Object) -> Object | None:
    """Return the one owner reference marked as controller."""
    return next((owner for owner in owners_of(obj) if owner.get("controller")), None)


def dig(obj: Json, path: str) -> Json:
    """Follow a dotted path of map keys; None where it leads nowhere."""
    for step in path.split("."):
        if not isinstance(obj, dict):
            return None
        obj = obj.get(step)
    return obj
