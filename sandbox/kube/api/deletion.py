"""What DELETE does: preconditions, finalizers, grace periods of pods, and who deletes the dependents."""

import copy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sandbox.kube.api.target import Target
from sandbox.kube.api.verbs import Verbs
from sandbox.kube.errors import BadRequestError, ConflictError
from sandbox.kube.objects import Object, dig

_FINALIZERS = {"Foreground": "foregroundDeletion", "Orphan": "orphan"}
_POLICIES = {"Background", *_FINALIZERS}


@dataclass(frozen=True, kw_only=True)
class Deletion:
    """The options of a DELETE."""

    propagation: str = ""  # Background | Foreground | Orphan; empty is the kind's default
    grace_seconds: int | None = None
    uid: str = ""
    resource_version: str = ""
    dry_run: bool = False

    @classmethod
    def read(cls, body: Object, query: dict[str, str]) -> "Deletion":
        """Read DeleteOptions from the body, else from the query.

        Raises:
            BadRequestError: the policy is unknown.
        """
        if not isinstance(body, dict):
            raise BadRequestError("DeleteOptions are an object")
        given = {**query, **{key: value for key, value in body.items() if value is not None}}
        propagation = given.get("propagationPolicy") or ""
        if given.get("orphanDependents") in {True, "true"}:
            propagation = "Orphan"
        if propagation and propagation not in _POLICIES:
            raise BadRequestError(f"invalid propagationPolicy {propagation!r}: one of {', '.join(sorted(_POLICIES))}")
        grace = given.get("gracePeriodSeconds")
        preconditions = body.get("preconditions") or {}
        return cls(
            propagation=propagation,
            grace_seconds=None if grace in {None, ""} else int(grace),
            uid=preconditions.get("uid") or "",
            resource_version=preconditions.get("resourceVersion") or "",
            dry_run="All" in (given.get("dryRun") or ()),
        )


def delete(verbs: Verbs, target: Target, options: Deletion) -> Object:
    """Delete an object now, or mark it as being deleted when somebody has to finish first; return it as it is then.

    Raises:
        NotFoundError: there is none.
        ConflictError: a precondition does not hold.
    """
    live = verbs.read(target)
    _check(live, target, options)
    obj = copy.deepcopy(live)
    meta = obj["metadata"]
    propagation = options.propagation or default_propagation(target)
    grace = _grace(obj, target, options)
    if propagation in _FINALIZERS and not meta.get("deletionTimestamp"):
        finalizer = _FINALIZERS[propagation]
        meta["finalizers"] = [*(entry for entry in meta.get("finalizers") or [] if entry != finalizer), finalizer]
    if options.dry_run:
        return obj
    waits = meta.get("finalizers") or (obj.get("spec") or {}).get("finalizers")
    if not waits and grace == 0:
        return verbs.remove(target)
    if meta.get("deletionTimestamp") and grace >= meta.get("deletionGracePeriodSeconds", 0):
        return live  # it is on its way already, and not asked to hurry
    ends = datetime.now(UTC) + timedelta(seconds=grace)
    meta["deletionTimestamp"] = ends.strftime("%Y-%m-%dT%H:%M:%SZ")
    meta["deletionGracePeriodSeconds"] = grace
    meta["generation"] = meta.get("generation", 1) + 1
    if target.resource.key == ("", "namespaces"):
        obj.setdefault("status", {})["phase"] = "Terminating"
    return verbs.store.put(target.resource.key, target.key, obj)


def default_propagation(target: Target) -> str:
    """Return what happens to dependents if the caller does not say: Jobs leave their pods, for history's sake."""
    return "Orphan" if target.resource.key == ("batch", "jobs") else "Background"


def _check(live: Object, target: Target, options: Deletion) -> None:
    meta, resource = live["metadata"], target.resource
    for what, wanted, has in (
        ("UID", options.uid, meta["uid"]),
        ("resourceVersion", options.resource_version, meta["resourceVersion"]),
    ):
        if wanted and wanted != has:
            because = f"Precondition failed: {what} in precondition: {wanted}, {what} in object meta: {has}"
            raise ConflictError(resource=resource.plural, group=resource.group, name=target.name, because=because)


def _grace(obj: Object, target: Target, options: Deletion) -> int:
    """Return the seconds a pod has to end: none if it runs nowhere or is done."""
    if target.resource.key != ("", "pods"):
        return 0
    if not dig(obj, "spec.nodeName") or dig(obj, "status.phase") in {"Succeeded", "Failed"}:
        return 0
    asked = options.grace_seconds
    return int(dig(obj, "spec.terminationGracePeriodSeconds") or 0) if asked is None else asked
