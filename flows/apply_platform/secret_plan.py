"""Decides which Secrets are made, changed or left alone: pure, but for random values that nobody has given."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from flows.apply_platform.secret_table import DOCKER_TYPE, LOGINS, LOGINS_KEY, MODELS, SecretSpec, Variable
from flows.apply_platform.variables import PlatformVariables
from k8s.manifests.labels import shared_labels

ROTATION = "slipway.dev/rotation"
"""The annotation that changes with a Secret's values: a random word, so that nothing of a value can be read from it."""

_QUAY = "quay.io"

Held = Mapping[tuple[str, str], Mapping[str, Any]]
"""Secrets of the cluster by namespace and name, as the API returns them."""


@dataclass(frozen=True, kw_only=True)
class SecretChange:
    """What becomes of one Secret.

    Attributes:
        namespace: its namespace.
        name: its name.
        action: `keep` leaves it untouched.
        generated: keys whose values were made up here.
        given: keys whose values changed because a variable says so.
        manifest: what to apply. It has the values, so it is never shown.
    """

    namespace: str
    name: str
    action: Literal["create", "update", "keep"]
    generated: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    manifest: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, kw_only=True)
class SecretPlan:
    """What becomes of all Secrets, and what stands in the way."""

    changes: tuple[SecretChange, ...] = ()
    problems: tuple[str, ...] = ()


def plan_secrets(
    specs: Iterable[SecretSpec], *, given: PlatformVariables, held: Held, rotate: Collection[str] = ()
) -> SecretPlan:
    """Compare what is wanted with what the cluster holds.

    A variable that is given counts; else what the cluster holds stays; else a value that is ours alone is made up. So a
    made-up value is never overwritten.

    Args:
        specs: the Secrets.
        given: the administrator's variables.
        held: the cluster's Secrets.
        rotate: names of Secrets whose frozen values may change, because their user was told the new ones already.
    """
    changes: list[SecretChange] = []
    problems: list[str] = []
    values: dict[str, str] = {}
    for spec in specs:
        made = _values(spec, given=given, held=held, rotate=rotate, problems=problems)
        values |= {spec.keys[key].name: value for key, (value, _) in made.items()}
        if len(made) == len(spec.keys):
            fresh = tuple(key for key, (_, is_new) in made.items() if is_new)
            data = {**{key: value for key, (value, _) in made.items()}, **spec.open_values}
            changes += [
                _change(spec.name, at, data, held=held, fresh=fresh, annotations=spec.annotations)
                for at in spec.namespaces
            ]
    if values.get("MINIO_ACCESS_KEY") and values["MINIO_ACCESS_KEY"] == values.get("KSERVE_ACCESS_KEY"):
        problems.append("MINIO_ACCESS_KEY and KSERVE_ACCESS_KEY name one user: whoever may read could write")
    return SecretPlan(changes=tuple(changes), problems=tuple(problems))


def plan_logins(given: PlatformVariables, *, held: Held) -> SecretPlan:
    """Plan the Secret of registry logins. Logins to other registries that it holds stay.

    Raises:
        LoginFileError: the file that REGISTRY_AUTH_FILE names cannot be used.
    """
    wanted = given.logins()
    user, password = given.value("quay_username"), given.value("quay_password")
    missing = [name for name, value in (("QUAY_USERNAME", user), ("QUAY_PASSWORD", password)) if not value]
    if not missing:
        wanted = {**wanted, _QUAY: {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}}
    elif len(missing) == 1:
        return SecretPlan(problems=(f"{missing[0]} is not set, but its other half is",))
    before = held.get((MODELS, LOGINS))
    if not wanted and before is None:
        return SecretPlan(
            problems=("QUAY_USERNAME and QUAY_PASSWORD are not set, nor REGISTRY_AUTH_FILE: no pod could pull",)
        )
    kept = _logins_of(before)
    if before is not None and {**kept, **wanted} == kept:
        return SecretPlan(changes=(SecretChange(namespace=MODELS, name=LOGINS, action="keep"),))
    text = json.dumps({"auths": {**kept, **wanted}}, sort_keys=True)
    change = _change(LOGINS, MODELS, {LOGINS_KEY: text}, held=held, fresh=(), kind=DOCKER_TYPE)
    return SecretPlan(changes=(change,))


def _values(
    spec: SecretSpec, *, given: PlatformVariables, held: Held, rotate: Collection[str], problems: list[str]
) -> dict[str, tuple[str, bool]]:
    """Return the value of each key that has one, and whether it is made up."""
    found: dict[str, tuple[str, bool]] = {}
    for key, variable in spec.keys.items():
        value = given.value(variable.name)
        known = {text for at in spec.namespaces if (text := _decoded(held.get((at, spec.name)), key)) is not None}
        problem = None if spec.name in rotate else _trouble(spec, variable, value=value, known=known)
        if problem is not None:
            problems.append(problem)
        elif value is not None:
            found[key] = value, False
        elif known:
            found[key] = min(known), False
        else:
            found[key] = variable.make(), True
    return found


def _trouble(spec: SecretSpec, variable: Variable, *, value: str | None, known: Collection[str]) -> str | None:
    if value is None and len(known) > 1:
        return f"{variable.name} is not set, and Secret {spec.name} differs between {' and '.join(spec.namespaces)}"
    if value is not None and variable.frozen and known and value not in known:
        return (
            f"{variable.name} differs from Secret {spec.name}, and its database keeps the password of its first start: "
            f"unset it; or change it there first (docs/runbook.md, rotation), then add --rotate {spec.name}"
        )
    return None


def _change(
    name: str,
    namespace: str,
    data: Mapping[str, str],
    *,
    held: Held,
    fresh: tuple[str, ...],
    annotations: Mapping[str, str] | None = None,
    kind: str = "Opaque",
) -> SecretChange:
    before = held.get((namespace, name))
    changed = tuple(key for key, value in data.items() if _decoded(before, key) != value)
    noted = (before or {}).get("metadata", {}).get("annotations") or {}
    wanted = dict(annotations or {})
    if before is not None and not changed and all(noted.get(key) == value for key, value in wanted.items()):
        return SecretChange(namespace=namespace, name=name, action="keep")
    rotation = secrets.token_hex(6) if changed else noted.get(ROTATION, "")
    metadata: dict[str, Any] = {
        "name": name,
        "namespace": namespace,
        "labels": shared_labels(name, component="credentials"),
        "annotations": wanted | ({ROTATION: rotation} if rotation else {}),
    }
    manifest = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "type": kind,
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()},
    }
    return SecretChange(
        namespace=namespace,
        name=name,
        action="create" if before is None else "update",
        generated=tuple(key for key in changed if key in fresh),
        given=tuple(key for key in changed if key not in fresh),
        manifest=manifest,
    )


def _decoded(secret: Mapping[str, Any] | None, key: str) -> str | None:
    text = ((secret or {}).get("data") or {}).get(key)
    return None if text is None else base64.b64decode(text).decode(errors="replace")


def _logins_of(secret: Mapping[str, Any] | None) -> dict[str, Any]:
    try:
        found = json.loads(_decoded(secret, LOGINS_KEY) or "{}").get("auths")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
