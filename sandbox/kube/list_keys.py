"""How lists of built-in kinds merge: by which keys their items are told apart, or as sets, or not at all."""

from sandbox.kube.objects import Json, Object

_KEYS: dict[str, tuple[tuple[str, ...], ...]] = {
    # field name: the alternatives, the first whose keys all items have is taken
    "containers": (("name",),),
    "initContainers": (("name",),),
    "ephemeralContainers": (("name",),),
    "volumes": (("name",),),
    "env": (("name",),),
    "imagePullSecrets": (("name",),),
    "secrets": (("name",),),
    "volumeMounts": (("mountPath",),),
    "volumeDevices": (("devicePath",),),
    "ports": (("containerPort",), ("port",)),
    "conditions": (("type",),),
    "addresses": (("type",),),
    "ownerReferences": (("uid",),),
    "hostAliases": (("ip",),),
    "podIPs": (("ip",),),
    "topologySpreadConstraints": (("topologyKey", "whenUnsatisfiable"),),
}
_SETS = frozenset({"finalizers"})

ItemKey = tuple[tuple[str, Json], ...]


def merge_keys(field: str, items: list[Json]) -> tuple[str, ...] | None:
    """Return the fields that tell the items of a list apart, or None if the list is replaced as a whole."""
    for keys in _KEYS.get(field, ()):
        if all(isinstance(item, dict) and all(key in item for key in keys) for item in items):
            return keys
    return None


def is_set(field: str) -> bool:
    """Tell whether a list of plain values is a set."""
    return field in _SETS


def item_key(item: Object, keys: tuple[str, ...]) -> ItemKey:
    """Return what tells an item apart; ports of two protocols are two items."""
    found = tuple((key, item[key]) for key in keys)
    if keys in {("containerPort",), ("port",)}:
        found += (("protocol", item.get("protocol", "TCP")),)
    return found
