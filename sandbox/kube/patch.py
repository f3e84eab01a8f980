"""The three kinds of PATCH that change an object as it stands: JSON merge, JSON patch, strategic merge."""

import copy

from sandbox.kube.errors import ApiError, BadRequestError
from sandbox.kube.list_keys import item_key, merge_keys
from sandbox.kube.objects import Json, Object

_DIRECTIVE = "$patch"
_ORDER = "$setElementOrder/"
_DELETE_VALUES = "$deleteFromPrimitiveList/"
_RETAIN = "$retainKeys"


def merge(target: Json, patch: Json) -> Json:
    """Return the target with an RFC 7386 merge patch applied."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


def json_patch(target: Json, operations: Json) -> Json:
    """Return the target with RFC 6902 operations applied.

    Raises:
        BadRequestError: an operation cannot be read.
        ApiError: 422, an operation does not fit the object.
    """
    if not isinstance(operations, list):
        raise BadRequestError("a JSON patch is a list of operations")
    result = {"": copy.deepcopy(target)}
    for operation in operations:
        try:
            _operate(result, operation)
        except (KeyError, IndexError, ValueError, TypeError) as error:
            message = f"the server rejected our request due to an error in our request: {operation}: {error!r}"
            raise ApiError(message, code=422, reason="Invalid") from error
    return result[""]


def _operate(root: Object, operation: Object) -> None:
    kind, path = operation["op"], operation["path"]
    if kind == "test":
        if _read(root, path) != operation.get("value"):
            raise ValueError(f"testing value {path} failed")
    elif kind == "remove":
        _remove(root, path)
    elif kind == "replace":
        _read(root, path)
        parent, last = _parent(root, path)
        parent[int(last) if isinstance(parent, list) else last] = copy.deepcopy(operation["value"])
    elif kind == "add":
        _add(root, path, copy.deepcopy(operation["value"]))
    elif kind == "copy":
        _add(root, path, copy.deepcopy(_read(root, operation["from"])))
    elif kind == "move":
        value = _read(root, operation["from"])
        _remove(root, operation["from"])
        _add(root, path, value)
    else:
        raise ValueError(f"unexpected kind: {kind}")


def _steps(path: str) -> list[str]:
    return [step.replace("~1", "/").replace("~0", "~") for step in path.split("/")]


def _parent(root: Object, path: str) -> tuple[Json, str]:
    at: Json = root
    *steps, last = _steps(path)
    for step in steps:
        at = at[int(step)] if isinstance(at, list) else at[step]
    return at, last


def _read(root: Object, path: str) -> Json:
    parent, last = _parent(root, path)
    return parent[int(last)] if isinstance(parent, list) else parent[last]


def _add(root: Object, path: str, value: Json) -> None:
    parent, last = _parent(root, path)
    if isinstance(parent, list):
        parent.insert(len(parent) if last == "-" else int(last), value)
    else:
        parent[last] = value


def _remove(root: Object, path: str) -> None:
    parent, last = _parent(root, path)
    del parent[int(last) if isinstance(parent, list) else last]


def strategic_merge(target: Json, patch: Json) -> Json:
    """Return the target with a strategic merge patch applied: known lists merge by key, `$patch` and its kin work."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    directive = patch.get(_DIRECTIVE)
    if directive == "delete":
        return None
    held = dict(target) if isinstance(target, dict) and directive != "replace" else {}
    if _RETAIN in patch:
        held = {key: value for key, value in held.items() if key in patch[_RETAIN]}
    for key, value in patch.items():
        if key.startswith(_DELETE_VALUES):
            field = key.removeprefix(_DELETE_VALUES)
            held[field] = [item for item in held.get(field) or [] if item not in value]
        elif key.startswith("$"):
            continue
        elif value is None:
            held.pop(key, None)
        elif isinstance(value, list):
            held[key] = _merge_lists(key, held.get(key) or [], value)
        else:
            held[key] = strategic_merge(held.get(key), value)
    for key, order in patch.items():
        if key.startswith(_ORDER):
            field = key.removeprefix(_ORDER)
            if field in held:
                held[field] = _ordered(field, held[field], order)
    return held


def _merge_lists(field: str, held: list[Json], patch: list[Json]) -> list[Json]:
    items = [item for item in patch if item != {_DIRECTIVE: "replace"}]
    keys = merge_keys(field, held + items)
    if keys is None or len(items) < len(patch):
        if field == "finalizers" and len(items) == len(patch):
            return held + [item for item in items if item not in held]
        return copy.deepcopy(items)
    merged = {item_key(item, keys): item for item in held}
    for item in items:
        key = item_key(item, keys)
        value = strategic_merge(merged.get(key), item)
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = value
    return list(merged.values())


def _ordered(field: str, held: list[Json], order: list[Json]) -> list[Json]:
    keys = merge_keys(field, held + order)
    if keys is None:
        return held
    rank = {item_key(item, keys): position for position, item in enumerate(order)}
    return sorted(held, key=lambda item: rank.get(item_key(item, keys), len(rank)))
