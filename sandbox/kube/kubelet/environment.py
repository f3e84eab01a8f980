"""A container's environment: from the image, the pod, its ConfigMaps and Secrets, and the pod's own fields."""

import base64
import re
from collections.abc import Awaitable, Callable, Mapping

from sandbox.kube.errors import ApiError
from sandbox.kube.objects import Object, dig
from sandbox.kube.quantities import quantity

_REFERENCE = re.compile(r"\$(\$|\(([-._a-zA-Z0-9]+)\))")
_KEYED = re.compile(r"^metadata\.(labels|annotations)\['([^']+)'\]$")

Lookup = Callable[[str, str], Awaitable[Object]]  # kind, name


class ConfigError(Exception):
    """The container cannot be created from what the cluster holds now; it is tried again."""


def expand(text: str, env: Mapping[str, str]) -> str:
    """Replace `$(NAME)` by a variable's value; an unknown one stays as it is, `$$` is a dollar."""
    return _REFERENCE.sub(lambda m: "$" if m[1] == "$" else env.get(m[2], m[0]), text)


def field_value(pod: Object, path: str) -> str:
    """Return what a `fieldRef` names."""
    if match := _KEYED.match(path):
        return str((dig(pod, f"metadata.{match[1]}") or {}).get(match[2], ""))
    value = dig(pod, path)
    if isinstance(value, dict):
        return "\n".join(f'{key}="{text}"' for key, text in value.items())
    if path in {"status.podIP", "status.hostIP"}:
        return "127.0.0.1"
    return "" if value is None else str(value)


def resource_value(container: Object, reference: Object) -> str:
    """Return what a `resourceFieldRef` names, in units of its divisor, rounded up."""
    amount = dig(container, "resources." + reference["resource"]) or 0
    divisor = quantity(reference.get("divisor") or "1") or 1.0
    return str(-int(-quantity(amount) // divisor))


def decoded(obj: Object) -> dict[str, bytes]:
    """Return the data of a ConfigMap or a Secret."""
    binary = obj.get("data") if obj["kind"] == "Secret" else obj.get("binaryData")
    plain = {} if obj["kind"] == "Secret" else obj.get("data") or {}
    found = {key: text.encode() for key, text in plain.items()}
    return found | {key: base64.b64decode(text) for key, text in (binary or {}).items()}


async def find(lookup: Lookup, kind: str, reference: Object) -> dict[str, bytes] | None:
    """Return the data of a ConfigMap or Secret; None if it is missing and optional.

    Raises:
        ConfigError: it is missing.
    """
    try:
        return decoded(await lookup(kind, reference["name"]))
    except ApiError as error:
        if error.code != 404:  # noqa: PLR2004 - not found
            raise
        if reference.get("optional"):
            return None
        raise ConfigError(f'{kind.lower()} "{reference["name"]}" not found') from error


async def variables(pod: Object, container: Object, base: Mapping[str, str], lookup: Lookup) -> dict[str, str]:
    """Return a container's variables: the base, then `envFrom`, then `env`, later ones winning.

    Raises:
        ConfigError: a ConfigMap, a Secret or one of its keys is missing and not optional.
    """
    env = dict(base)
    for source in container.get("envFrom") or []:
        prefix = source.get("prefix") or ""
        for kind, field in (("ConfigMap", "configMapRef"), ("Secret", "secretRef")):
            if field in source:
                data = await find(lookup, kind, source[field]) or {}
                env |= {prefix + key: value.decode() for key, value in data.items()}
    for entry in container.get("env") or []:
        value = await _value(pod, container, entry, lookup)
        if value is not None:
            env[entry["name"]] = expand(value, env)
    return env


async def _value(pod: Object, container: Object, entry: Object, lookup: Lookup) -> str | None:
    source = entry.get("valueFrom")
    if not source:
        return str(entry.get("value", ""))
    if "fieldRef" in source:
        return field_value(pod, source["fieldRef"]["fieldPath"])
    if "resourceFieldRef" in source:
        return resource_value(container, source["resourceFieldRef"])
    kind, reference = (
        ("Secret", source["secretKeyRef"]) if "secretKeyRef" in source else ("ConfigMap", source["configMapKeyRef"])
    )
    data = await find(lookup, kind, reference)
    if data is not None and reference["key"] in data:
        return data[reference["key"]].decode()
    if reference.get("optional"):
        return None
    raise ConfigError(
        f"couldn't find key {reference['key']} in {kind} {pod['metadata']['namespace']}/{reference['name']}"
    )
