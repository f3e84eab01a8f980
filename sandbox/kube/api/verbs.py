"""What the verbs do to the store: create, update, patch, apply, with the rules that hold for every kind."""

import copy
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.kube.api import rules
from sandbox.kube.errors import (
    AlreadyExistsError,
    BadRequestError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
)
from sandbox.kube.objects import Object, metadata, name_of, new_uid, now
from sandbox.kube.ownership import Writer, after_update, apply
from sandbox.kube.resources import Catalog, Resource
from sandbox.kube.store import Store

_SUFFIX = "bcdfghjklmnpqrstvwxz2456789"  # as Kubernetes: no vowels, no digits that look like letters
_SYSTEM_METADATA = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation")
_CRD = ("apiextensions.k8s.io", "customresourcedefinitions")


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a request is about."""

    resource: Resource
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Return the store's key of the object."""
        return self.namespace, self.name


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a writing request asks for besides."""

    manager: str
    dry_run: bool = False
    force: bool = False


class Verbs:
    """The writing verbs. Every one returns the object as it is afterwards."""

    def __init__(self, store: Store, catalog: Catalog) -> None:
        self.store, self.catalog = store, catalog
        for crd in store.list(_CRD):
            catalog.define(crd)

    def read(self, target: Target) -> Object:
        """Return the live object.

        Raises:
            NotFoundError: there is none.
        """
        resource = target.resource
        found = self.store.get(resource.key, target.key)
        if found is None:
            raise NotFoundError(resource=resource.plural, group=resource.group, name=target.name)
        return shown(found, resource)

    def create(self, target: Target, body: Object, options: Options) -> Object:
        """Store a new object."""
        obj = self._received(target, body)
        meta = obj["metadata"]
        if not meta.get("name"):
            if not meta.get("generateName"):
                kind, group = target.resource.kind, target.resource.group
                problem = "Required value: name or generateName is required"
                raise InvalidError(kind=kind, group=group, name="", field="metadata.name", problem=problem)
            meta["name"] = meta["generateName"] + "".join(secrets.choice(_SUFFIX) for _ in range(5))
        target = Target(resource=target.resource, namespace=target.namespace, name=meta["name"])
        self._check_namespace(target)
        for field in (*_SYSTEM_METADATA, "resourceVersion", "managedFields"):
            meta.pop(field, None)
        meta |= {"uid": new_uid(), "creationTimestamp": now(), "generation": 1}
        if "status" in target.resource.subresources:
            obj.pop("status", None)
        rules.check_metadata(target.resource, obj)
        rules.fill_in(target.resource, obj)
        if self.store.get(target.resource.key, target.key):
            raise AlreadyExistsError(resource=target.resource.plural, group=target.resource.group, name=target.name)
        meta["managedFields"] = after_update(None, obj, self._writer(target, options, "Update"))
        return self._write(target, obj, options)

    def update(self, target: Target, body: Object, options: Options) -> Object:
        """Replace an object (or its status): the body's resourceVersion, if it has one, must be the live one."""
        return self._change(target, lambda _: self._received(target, body), options)

    def patch(self, target: Target, change: Callable[[Object], Object], options: Options) -> Object:
        """Change an object as it stands."""
        return self._change(target, lambda live: self._received(target, change(live)), options)

    def apply(self, target: Target, wanted: Object, options: Options) -> Object:
        """Server-side apply: create the object, or merge the fields that the manager wants."""
        wanted = self._received(target, wanted)
        if wanted["metadata"].get("managedFields"):
            raise BadRequestError("metadata.managedFields must be nil")
        wanted["metadata"]["name"] = target.name
        writer = self._writer(target, options, "Apply")
        if self.store.get(target.resource.key, target.key) is None and not target.subresource:
            created = self.create(target, wanted, Options(manager=options.manager, dry_run=True))
            created["metadata"]["managedFields"] = []
            return self._write(target, apply(created, wanted, writer, force=True), options)
        return self._change(
            target, lambda live: apply(live, wanted, writer, force=options.force), options, applied=True
        )

    def _change(
        self, target: Target, change: Callable[[Object], Object], options: Options, *, applied: bool = False
    ) -> Object:
        before = self.read(target)
        after = change(before)
        asked = metadata(after).get("resourceVersion")
        if asked and asked != before["metadata"]["resourceVersion"]:
            raise ConflictError(resource=target.resource.plural, group=target.resource.group, name=target.name)
        if metadata(after).get("uid") not in {None, "", before["metadata"]["uid"]}:
            because = "the UID in the precondition does not match the UID in record"
            resource = target.resource
            raise ConflictError(resource=resource.plural, group=resource.group, name=target.name, because=because)
        after = _merged_parts(before, after, target)
        rules.check_metadata(target.resource, after)
        rules.fill_in(target.resource, after)
        if not target.subresource:
            rules.check_change(target.resource, before, after)
        if not applied:
            writer = self._writer(target, options, "Update")
            after["metadata"]["managedFields"] = after_update(before, after, writer)
        if _same(before, after):
            return before
        return self._write(target, after, options)

    def _write(self, target: Target, obj: Object, options: Options) -> Object:
        if options.dry_run:
            obj["metadata"].setdefault("resourceVersion", "")
            return obj
        return self.write(target, obj)

    def write(self, target: Target, obj: Object) -> Object:
        """Store a changed object, or remove it if nothing holds up its deletion any more."""
        meta = obj["metadata"]
        finalizers = meta.get("finalizers") or (obj.get("spec") or {}).get("finalizers")
        if meta.get("deletionTimestamp") and not finalizers and meta.get("deletionGracePeriodSeconds", 0) == 0:
            return self.remove(target)
        if target.resource.key == _CRD:
            _establish(obj)
            self.catalog.define(obj)
        return self.store.put(target.resource.key, target.key, obj)

    def remove(self, target: Target) -> Object:
        """Take an object out of the store, whatever its finalizers; a removed definition takes its objects along."""
        gone = self.store.delete(target.resource.key, target.key)
        if target.resource.key == _CRD:
            defined = gone["spec"]["group"], gone["spec"]["names"]["plural"]
            for obj in list(self.store.list(defined)):
                self.store.delete(defined, (obj["metadata"].get("namespace", ""), name_of(obj)))
            self.catalog.forget(gone)
        return gone

    def _received(self, target: Target, body: Object) -> Object:
        resource = target.resource
        if not isinstance(body, dict):
            raise BadRequestError("the body is not an object")
        if body.get("kind", resource.kind) != resource.kind:
            raise BadRequestError(
                f"{body['kind']} in version {body.get('apiVersion')} cannot be handled as a {resource.kind}"
            )
        if body.get("apiVersion", resource.api_version) != resource.api_version:
            given, wanted = body["apiVersion"], resource.api_version
            raise BadRequestError(
                f"the API version in the data ({given}) does not match the expected API version ({wanted})"
            )
        obj: Object = rules.without_nulls(copy.deepcopy(body))
        obj |= {"apiVersion": resource.api_version, "kind": resource.kind}
        meta = obj.setdefault("metadata", {})
        if target.name and meta.setdefault("name", target.name) != target.name:
            given = meta["name"]
            raise BadRequestError(
                f"the name of the object ({given}) does not match the name on the URL ({target.name})"
            )
        if not resource.namespaced:
            meta.pop("namespace", None)
        elif meta.setdefault("namespace", target.namespace) != target.namespace:
            raise BadRequestError(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        return obj

    def _check_namespace(self, target: Target) -> None:
        if not target.resource.namespaced:
            return
        namespace = self.store.get(("", "namespaces"), ("", target.namespace))
        if namespace is None:
            raise NotFoundError(resource="namespaces", name=target.namespace)
        if namespace["metadata"].get("deletionTimestamp"):
            because = f"unable to create new content in namespace {target.namespace} because it is being terminated"
            resource = target.resource
            raise ForbiddenError(resource=resource.plural, group=resource.group, name=target.name, because=because)

    def _writer(self, target: Target, options: Options, operation: str) -> Writer:
        return Writer(
            manager=options.manager,
            operation=operation,
            api_version=target.resource.api_version,
            subresource=target.subresource if target.subresource == "status" else "",
        )


def shown(obj: Object, resource: Resource) -> Object:
    """Return a stored object in the version that was asked for (a custom kind may have several)."""
    return obj if obj["apiVersion"] == resource.api_version else {**obj, "apiVersion": resource.api_version}


def _merged_parts(before: Object, after: Object, target: Target) -> Object:
    """Keep what this path may not write: the server's metadata, and spec or status, whichever is not its own."""
    after = copy.deepcopy(after)
    if target.subresource == "status":
        after = {**copy.deepcopy(before), "status": after.get("status") or {}}
    elif "status" in target.resource.subresources:
        after.pop("status", None)
        if "status" in before:
            after["status"] = copy.deepcopy(before["status"])
    meta, held = after["metadata"], before["metadata"]
    for field in _SYSTEM_METADATA:
        meta.pop(field, None)
        if field in held:
            meta[field] = held[field]
    meta.setdefault("managedFields", held.get("managedFields") or [])
    if target.subresource != "status" and _content(before) != _content(after):
        meta["generation"] = held.get("generation", 1) + 1
    return after


def _content(obj: Object) -> Object:
    return {field: value for field, value in obj.items() if field not in {"metadata", "status"}}


def _same(before: Object, after: Object) -> bool:
    """Tell whether a write would change nothing: then nothing is written, as with the real server."""

    def bare(obj: Object) -> Object:
        kept = {k: v for k, v in obj["metadata"].items() if k not in {"resourceVersion", "managedFields"}}
        owners = [
            {k: v for k, v in entry.items() if k != "time"} for entry in obj["metadata"].get("managedFields") or []
        ]
        return {**obj, "metadata": {**kept, "managedFields": owners}}

    return bare(before) == bare(after)


def _establish(crd: Object) -> None:
    """Say that a definition is served: it is, at once."""
    names = crd["spec"]["names"]
    conditions = [
        {"type": kind, "status": "True", "reason": reason, "message": "served", "lastTransitionTime": now()}
        for kind, reason in (("NamesAccepted", "NoConflicts"), ("Established", "InitialNamesAccepted"))
    ]
    stored = [version["name"] for version in crd["spec"]["versions"] if version.get("storage")]
    crd["status"] = {"acceptedNames": names, "conditions": conditions, "storedVersions": stored}
