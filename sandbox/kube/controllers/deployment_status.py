"""What a Deployment's ReplicaSets should be and what its status says, as pure functions."""

import hashlib
import json
import math

from sandbox.kube.objects import Object, dig, now, seconds_since

HASH = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


def template_hash(template: Object) -> str:
    """Return the hash by which the ReplicaSet of a pod template is known: ten letters."""
    digest = int(hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest(), 16)
    letters = []
    for _ in range(10):
        digest, rest = divmod(digest, len(_LETTERS))
        letters.append(_LETTERS[rest])
    return "".join(letters)


def sizes(deployment: Object, new: Object | None, old: list[Object], *, old_pods: int) -> tuple[int, list[int]]:
    """Return how many pods the new ReplicaSet and each old one should have now.

    Args:
        deployment: the Deployment.
        new: the ReplicaSet of its present template, if there is one.
        old: the others.
        old_pods: how many pods of old ones still run, also while they end.
    """
    spec = deployment["spec"]
    wanted: int = spec["replicas"]
    if spec["strategy"]["type"] == "Recreate":
        done = not old_pods and not any(entry["spec"]["replicas"] for entry in old)
        return (wanted if done else _size(new)), [0 for _ in old]
    surge, unavailable = _limits(spec)
    total = _size(new) + sum(_size(entry) for entry in old)
    grown = min(wanted, _size(new) + max(0, wanted + surge - total))
    if _size(new) > wanted or not old:
        grown = wanted
    available = sum(_available(entry) for entry in [*old, *([new] if new else [])])
    spare = max(0, available - (wanted - unavailable))
    shrunk = []
    for entry in old:
        healthy = min(spare, _available(entry))
        spare -= healthy
        shrunk.append(_available(entry) - healthy)  # those that are not available nobody misses
    return grown, shrunk


def status(deployment: Object, new: Object | None, old: list[Object]) -> Object:
    """Return the status."""
    every = [*old, *([new] if new else [])]
    wanted, held = deployment["spec"]["replicas"], deployment.get("status") or {}
    counted: Object = {
        "observedGeneration": dig(deployment, "metadata.generation"),
        "replicas": sum(_count(entry, "replicas") for entry in every),
        "updatedReplicas": _count(new, "replicas"),
        "readyReplicas": sum(min(_size(entry), _count(entry, "readyReplicas")) for entry in every),
        "availableReplicas": sum(_available(entry) for entry in every),
    }
    counted["unavailableReplicas"] = max(0, max(wanted, counted["replicas"]) - counted["availableReplicas"])
    return counted | {"conditions": _conditions(deployment, new, held, counted, failure=_failure(every))}


def deadline(deployment: Object) -> float | None:
    """Return the seconds until a Deployment that makes no progress is late; None if that is decided."""
    condition = _held(deployment.get("status") or {}, "Progressing")
    if condition.get("reason") in {None, "NewReplicaSetAvailable", "ProgressDeadlineExceeded"}:
        return None
    limit: int = deployment["spec"]["progressDeadlineSeconds"]
    return max(0.1, limit - seconds_since(condition["lastUpdateTime"]) + 0.1)


def _conditions(
    deployment: Object, new: Object | None, held: Object, counted: Object, *, failure: Object | None
) -> list[Object]:
    wanted = deployment["spec"]["replicas"]
    needed = wanted if deployment["spec"]["strategy"]["type"] == "Recreate" else wanted - _limits(deployment["spec"])[1]
    enough = counted["availableReplicas"] >= needed
    available = (
        ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
        if enough
        else ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    )
    entries = [_condition(held, "Available", *available), _progressing(deployment, new, held, counted)]
    if failure:
        entries.append(_condition(held, "ReplicaFailure", "True", failure["reason"], failure["message"]))
    return entries


def _progressing(deployment: Object, new: Object | None, held: Object, counted: Object) -> Object:
    wanted, name = deployment["spec"]["replicas"], dig(new, "metadata.name")
    before = _held(held, "Progressing")
    finished = (
        new is not None
        and counted["updatedReplicas"] == counted["replicas"] == counted["availableReplicas"] == wanted
        and counted["observedGeneration"] == dig(deployment, "metadata.generation")
    )
    if finished:
        told = f'ReplicaSet "{name}" has successfully progressed.'
        return _condition(held, "Progressing", "True", "NewReplicaSetAvailable", told)
    fields = ("updatedReplicas", "readyReplicas", "availableReplicas", "observedGeneration")
    moved = any(counted[field] != held.get(field, 0) for field in fields)
    if not before or moved or before["reason"] == "NewReplicaSetAvailable":
        told = f'ReplicaSet "{name}" is progressing.' if name else "Waiting for the pods of old ReplicaSets to end."
        return _condition(held, "Progressing", "True", "ReplicaSetUpdated", told, renew=True)
    limit = deployment["spec"]["progressDeadlineSeconds"]
    if before["reason"] != "ProgressDeadlineExceeded" and seconds_since(before["lastUpdateTime"]) >= limit:
        told = f'ReplicaSet "{name}" has timed out progressing.'
        return _condition(held, "Progressing", "False", "ProgressDeadlineExceeded", told)
    return before


def _condition(held: Object, kind: str, truth: str, reason: str, message: str, *, renew: bool = False) -> Object:
    """Return a condition; what has not changed keeps its times."""
    before, stamp = _held(held, kind), now()
    if not renew and (before.get("status"), before.get("reason"), before.get("message")) == (truth, reason, message):
        return before
    since = before["lastTransitionTime"] if before.get("status") == truth else stamp
    return {
        "type": kind,
        "status": truth,
        "reason": reason,
        "message": message,
        "lastUpdateTime": stamp,
        "lastTransitionTime": since,
    }


def _held(held: Object, kind: str) -> Object:
    found: Object = next((entry for entry in held.get("conditions") or [] if entry["type"] == kind), {})
    return found


def _failure(replica_sets: list[Object]) -> Object | None:
    conditions = [entry for each in replica_sets for entry in dig(each, "status.conditions") or []]
    return next((entry for entry in conditions if entry["type"] == "ReplicaFailure"), None)


def _limits(spec: Object) -> tuple[int, int]:
    """Return maxSurge, rounded up, and maxUnavailable, rounded down; both zero would never end."""
    rolling = spec["strategy"].get("rollingUpdate") or {}
    surge = _resolve(rolling.get("maxSurge", "25%"), spec["replicas"], up=True)
    unavailable = _resolve(rolling.get("maxUnavailable", "25%"), spec["replicas"], up=False)
    return surge, unavailable if surge or unavailable else 1


def _resolve(value: int | str, replicas: int, *, up: bool) -> int:
    if isinstance(value, int):
        return value
    share = replicas * float(value.rstrip("%")) / 100
    return math.ceil(share) if up else math.floor(share)


def _size(replica_set: Object | None) -> int:
    return int(dig(replica_set, "spec.replicas") or 0)


def _available(replica_set: Object | None) -> int:
    """Return how many pods are available; a set that was just made smaller still counts some that are about to end."""
    return min(_size(replica_set), _count(replica_set, "availableReplicas"))


def _count(replica_set: Object | None, field: str) -> int:
    return int(dig(replica_set, f"status.{field}") or 0)
