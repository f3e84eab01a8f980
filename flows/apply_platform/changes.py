"""What applying an object would change, read from before and after: pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from flows.apply_platform.objects import label
from k8s.manifests.stamp import stamp_of, stamped

Action = Literal["create", "change", "adopt", "run", "keep"]

_SERVERS = {"managedFields", "resourceVersion", "generation", "uid", "creationTimestamp"}
_SHOWN_PATHS = 4

Json = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Change:
    """What becomes of one object.

    Attributes:
        manifest: the object as it should be.
        action: `adopt` changes nothing but who keeps it so; `run` is a Job that has work to do.
        paths: the fields that change.
    """

    manifest: Json
    action: Action
    paths: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Say which object it is."""
        return label(self.manifest)

    @property
    def detail(self) -> str:
        """Say in short what changes."""
        more = len(self.paths) - _SHOWN_PATHS
        return ", ".join(self.paths[:_SHOWN_PATHS]) + (f" and {more} more" if more > 0 else "")


def compare(manifest: Json, *, before: Json | None, after: Json | None, manager: str) -> Change:
    """Say what applying an object would do.

    Args:
        manifest: the object as it should be.
        before: as it is, None if there is none.
        after: as it would be; None where that could not be asked, because its namespace is not there yet.
        manager: our field manager.
    """
    if before is None or after is None:
        return Change(manifest=manifest, action="create")
    paths = tuple(_differences(_essence(before), _essence(after)))
    if paths:
        return Change(manifest=manifest, action="change", paths=paths)
    managers = {entry.get("manager") for entry in before["metadata"].get("managedFields") or ()}
    return Change(manifest=manifest, action="keep" if manager in managers else "adopt")


def compare_job(manifest: Json, *, before: Json | None) -> Change:
    """Say whether a Job has work to do: it has not succeeded yet, or was asked for something else then.

    A Job's template never changes, so it is replaced. One that Kubernetes cleared away after its time runs again.

    Args:
        manifest: the Job as it should be.
        before: as it is, None if there is none.
    """
    if before is None:
        return Change(manifest=manifest, action="run")
    done = any(
        entry["type"] == "Complete" and entry["status"] == "True"
        for entry in before.get("status", {}).get("conditions", ())
    )
    same = stamp_of(before) == stamp_of(stamped(manifest))
    return Change(manifest=manifest, action="keep" if done and same else "run")


def _essence(thing: Json) -> Json:
    metadata = {key: value for key, value in thing["metadata"].items() if key not in _SERVERS}
    return {**{key: value for key, value in thing.items() if key != "status"}, "metadata": metadata}


def _differences(before: object, after: object, path: str = "") -> Iterator[str]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted({*before, *after}):
            yield from _differences(before.get(key), after.get(key), f"{path}.{key}" if path else str(key))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for place, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _differences(one, other, f"{path}[{_called(one, place)}]")
    elif before != after:
        yield path


def _called(item: object, place: int) -> str:
    return str(item.get("name", place)) if isinstance(item, Mapping) else str(place)
