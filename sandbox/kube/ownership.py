"""Who owns which field: `managedFields`, and the server-side apply that rests on it."""

import copy
import json
from dataclasses import dataclass

from sandbox.kube.errors import ApiError
from sandbox.kube.list_keys import is_set, item_key, merge_keys
from sandbox.kube.objects import Json, Object, now

_METADATA = frozenset({"labels", "annotations", "finalizers", "ownerReferences"})  # the rest is the server's own

Step = tuple[str, Json]  # ("f", field) | ("k", item key) | ("v", value of a set)
Path = tuple[Step, ...]


@dataclass(frozen=True, kw_only=True)
class Writer:
    """Who writes: one entry of managedFields."""

    manager: str
    operation: str  # Apply | Update
    api_version: str
    subresource: str = ""


def leaves(obj: Object) -> dict[Path, Json]:
    """Return every field that can be owned and its value; list items have a path of their own, with value None."""
    found: dict[Path, Json] = {}
    for field, value in obj.items():
        if field == "metadata":
            for inner in _METADATA & value.keys():
                _walk(value[inner], (("f", "metadata"), ("f", inner)), found)
        elif field not in {"apiVersion", "kind"}:
            _walk(value, (("f", field),), found)
    return found


def _walk(value: Json, path: Path, found: dict[Path, Json]) -> None:
    if isinstance(value, dict):
        if path[-1][0] == "k" or not value:
            found[path] = None
        for field, inner in value.items():
            _walk(inner, (*path, ("f", field)), found)
        return
    if isinstance(value, list):
        field = path[-1][1]
        if is_set(field):
            found.update({(*path, ("v", item)): None for item in value})
            return
        keys = merge_keys(field, value)
        if keys and value:
            for item in value:
                _walk(item, (*path, ("k", item_key(item, keys))), found)
            return
    found[path] = value


def after_update(before: Object | None, after: Object, writer: Writer) -> list[Object]:
    """Return the managedFields after a plain write: what changed is the writer's, what is gone is nobody's."""
    old, new = leaves(before or {}), leaves(after)
    changed = {path for path, value in new.items() if path not in old or old[path] != value}
    entries = _decode((before or {}).get("metadata", {}).get("managedFields") or [])
    for owner in list(entries):
        kept = entries[owner][0] & new.keys()
        entries[owner] = (kept if owner == writer else kept - changed, entries[owner][1])
    if changed:
        held = entries.get(writer, (set(), ""))[0]
        entries[writer] = (held | changed, now())
    return _encode(entries)


def apply(live: Object, wanted: Object, writer: Writer, *, force: bool) -> Object:
    """Return the live object with the wanted fields applied and its managedFields brought up to date.

    Raises:
        ApiError: 409, another manager owns a field that would change, and `force` is off.
    """
    applied, held = leaves(wanted), leaves(live)
    entries = _decode(live["metadata"].get("managedFields") or [])
    mine = entries.pop(writer, (set(), ""))[0]
    taken = {
        owner: {path for path in paths & applied.keys() if held.get(path) != applied[path]}
        for owner, (paths, _) in entries.items()
    }
    if any(taken.values()) and not force:
        raise _conflict(taken)
    entries = {owner: (paths - taken[owner], time) for owner, (paths, time) in entries.items()}
    merged: Object = _combine(copy.deepcopy(live), wanted, "")
    others = set().union(*(paths for paths, _ in entries.values()))
    for path in sorted(mine - applied.keys() - others, key=len):  # whole items first, then what is in those that stay
        if not _is_key(path) and not any(other[: len(path)] == path for other in others):
            _prune(merged, path)
    entries[writer] = (set(applied), now())
    merged["metadata"]["managedFields"] = _encode(entries)
    return merged


def _conflict(taken: dict[Writer, set[Path]]) -> ApiError:
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": f'conflict with "{owner.manager}" using {owner.api_version}',
            "field": _spell(path),
        }
        for owner, paths in taken.items()
        for path in sorted(paths, key=_spell)
    ]
    told = ", ".join(f"{cause['message']}: {cause['field']}" for cause in causes)
    message = f"Apply failed with {len(causes)} conflict{'s' if len(causes) > 1 else ''}: {told}"
    return ApiError(message, code=409, reason="Conflict", details={"causes": causes})


def _combine(live: Json, wanted: Json, field: str) -> Json:
    if isinstance(live, dict) and isinstance(wanted, dict):
        merged = dict(live)
        for key, value in wanted.items():
            merged[key] = _combine(live.get(key), value, key)
        return merged
    if isinstance(live, list) and isinstance(wanted, list):
        if is_set(field):
            return live + [item for item in wanted if item not in live]
        keys = merge_keys(field, live + wanted)
        if keys:
            items = {item_key(item, keys): item for item in live}
            for item in wanted:
                key = item_key(item, keys)
                items[key] = _combine(items.get(key), item, "")
            return list(items.values())
    return copy.deepcopy(wanted)


def _prune(obj: Json, path: Path) -> None:
    """Remove what the path names, and maps and lists that this leaves empty."""
    (kind, name), rest = path[0], path[1:]
    if isinstance(obj, list):
        items = [item for item in obj if _is_item(item, kind, name)]
        if items and rest:
            _prune(items[0], rest)
        elif items:
            obj.remove(items[0])
    elif isinstance(obj, dict) and name in obj:
        if rest:
            _prune(obj[name], rest)
        if not rest or obj[name] in ({}, []):
            del obj[name]


def _is_key(path: Path) -> bool:
    """Tell whether a field tells its list item apart: it goes only with the item."""
    return len(path) > 1 and path[-2][0] == "k" and path[-1][1] in dict(path[-2][1])


def _is_item(item: Json, kind: str, name: Json) -> bool:
    if kind == "v":
        return bool(item == name)
    return isinstance(item, dict) and all(item.get(k, "TCP" if k == "protocol" else None) == v for k, v in name)


def _spell(path: Path) -> str:
    text = ""
    for kind, name in path:
        if kind == "f":
            text += f".{name}"
        elif kind == "k":
            text += "[" + ",".join(f"{k}={json.dumps(v)}" for k, v in name) + "]"
        else:
            text += f"[={json.dumps(name)}]"
    return text


Entries = dict[Writer, tuple[set[Path], str]]


def _decode(managed: list[Object]) -> Entries:
    entries: Entries = {}
    for entry in managed:
        writer = Writer(
            manager=entry.get("manager", ""),
            operation=entry.get("operation", ""),
            api_version=entry.get("apiVersion", ""),
            subresource=entry.get("subresource", ""),
        )
        paths: set[Path] = set()
        _unfold(entry.get("fieldsV1") or {}, (), paths)
        entries[writer] = (paths, entry.get("time", ""))
    return entries


def _unfold(tree: Object, path: Path, found: set[Path]) -> None:
    if path and (not tree or "." in tree):
        found.add(path)
    for text, inner in tree.items():
        if text == ".":
            continue
        kind, _, name = text.partition(":")
        value: Json = name if kind == "f" else json.loads(name)
        _unfold(inner, (*path, (kind, tuple(value.items()) if kind == "k" else value)), found)


def _encode(entries: Entries) -> list[Object]:
    managed = []
    for writer, (paths, time) in entries.items():
        if not paths:
            continue
        tree: Object = {}
        for path in sorted(paths, key=_spell):
            at = tree
            for kind, name in path:
                text = name if kind == "f" else json.dumps(dict(name) if kind == "k" else name, separators=(",", ":"))
                at = at.setdefault(f"{kind}:{text}", {})
            if path[-1][0] == "k":
                at["."] = {}
        entry = {
            "manager": writer.manager,
            "operation": writer.operation,
            "apiVersion": writer.api_version,
            "time": time,
            "fieldsType": "FieldsV1",
            "fieldsV1": tree,
        }
        managed.append(entry | ({"subresource": writer.subresource} if writer.subresource else {}))
    return managed
