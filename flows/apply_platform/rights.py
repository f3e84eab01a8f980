"""Which account may do what, as the roles that were applied promise: pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from k8s.cluster import Right

FORBIDDEN = (Right("list", "secrets"), Right("create", "secrets"), Right("delete", "persistentvolumeclaims"))
"""What no account of ours may do, whatever its role."""

STRANGER = "slipway-nobody"
"""An account that does not exist. A cluster that lets it do things asks nobody for rights."""

Object = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class AccountRights:
    """What one service account must be allowed in its namespace."""

    account: str
    namespace: str
    rights: tuple[Right, ...] = ()


def promised_rights(objects: Sequence[Object]) -> list[AccountRights]:
    """Return what the roles among some objects give to the accounts among them; an account without a role has none.

    Rights on objects of certain names are left out: a review of them would have to name one.
    """
    roles = {
        (each["metadata"]["namespace"], each["metadata"]["name"]): tuple(_rights(each["rules"]))
        for each in objects
        if each["kind"] == "Role"
    }
    bound: dict[tuple[str, str], tuple[Right, ...]] = {
        (each["metadata"]["namespace"], each["metadata"]["name"]): ()
        for each in objects
        if each["kind"] == "ServiceAccount"
    }
    for binding in (each for each in objects if each["kind"] == "RoleBinding"):
        role = roles.get((binding["metadata"]["namespace"], binding["roleRef"]["name"]), ())
        for subject in binding["subjects"]:
            place = subject.get("namespace", ""), subject["name"]
            bound[place] = (*bound.get(place, ()), *role)
    return [AccountRights(account=name, namespace=at, rights=rights) for (at, name), rights in sorted(bound.items())]


def _rights(rules: Iterable[Object]) -> Iterator[Right]:
    for rule in rules:
        if rule.get("resourceNames"):
            continue
        for group in rule.get("apiGroups", ()):
            for resource in rule.get("resources", ()):
                yield from (Right(verb, resource, group) for verb in rule["verbs"])
