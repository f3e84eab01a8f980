"""What the verbs do to the store: create, update, patch, apply, with the rules that hold for every kind."""

import secrets
from collections.abc import Callable

from sandbox.kube.api import quota, rules
from sandbox.kube.api.received import SYSTEM_METADATA, merged_parts, received, same, shown
from sandbox.kube.api.target import Options, Target
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
from sandbox.kube.resources import Catalog
from sandbox.kube.store import Store

_SUFFIX = "bcdfghjklmnpqrstvwxz2456789"  # as Kubernetes: no vowels, no digits that look like letters
_CRD = ("apiextensions.k8s.io", "customresourcedefinitions")


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
        obj = received(target, body)
        meta = obj["metadata"]
        if not meta.get("name"):
            if not meta.get("generateName"):
                kind, group = target.resource.kind, target.resource.group
                problem = "Required value: name or generateName is required"
                raise InvalidError(kind=kind, group=group, name="", field="metadata.name", problem=problem)
            meta["name"] = meta["generateName"] + "".join(secrets.choice(_SUFFIX) for _ in range(5))
        target = Target(resource=target.resource, namespace=target.namespace, name=meta["name"])
        self._check_namespace(target)
        for field in (*SYSTEM_METADATA, "resourceVersion", "managedFields"):
            meta.pop(field, None)
        meta |= {"uid": new_uid(), "creationTimestamp": now(), "generation": 1}
        if "status" in target.resource.subresources:
            obj.pop("status", None)
        rules.check_metadata(target.resource, obj)
        rules.fill_in(target.resource, obj)
        if self.store.get(target.resource.key, target.key):
            raise AlreadyExistsError(resource=target.resource.plural, group=target.resource.group, name=target.name)
        if target.resource.key == quota.PODS:
            quota.check(self.store, obj)
        meta["managedFields"] = after_update(None, obj, self._writer(target, options, "Update"))
        return self._write(target, obj, options)

    def update(self, target: Target, body: Object, options: Options) -> Object:
        """Replace an object (or its status): the body's resourceVersion, if it has one, must be the live one."""
        return self._change(target, lambda _: received(target, body), options)

    def patch(self, target: Target, change: Callable[[Object], Object], options: Options) -> Object:
        """Change an object as it stands."""
        return self._change(target, lambda live: received(target, change(live)), options)

    def apply(self, target: Target, wanted: Object, options: Options) -> Object:
        """Server-side apply: create the object, or merge the fields that the manager wants."""
        wanted = received(target, wanted)
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
        owners = metadata(after).get("managedFields")
        after = merged_parts(before, after, target)
        rules.check_metadata(target.resource, after)
        rules.fill_in(target.resource, after)
        if not target.subresource:
            rules.check_change(target.resource, before, after)
        if applied:
            after["metadata"]["managedFields"] = owners
        else:
            writer = self._writer(target, options, "Update")
            after["metadata"]["managedFields"] = after_update(before, after, writer)
        if same(before, after):
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


def _establish(crd: Object) -> None:
    """Say that a definition is served: it is, at once."""
    names = crd["spec"]["names"]
    conditions = [
        {"type": kind, "status": "True", "reason": reason, "message": "served", "lastTransitionTime": now()}
        for kind, reason in (("NamesAccepted", "NoConflicts"), ("Established", "InitialNamesAccepted"))
    ]
    stored = [version["name"] for version in crd["spec"]["versions"] if version.get("storage")]
    crd["status"] = {"acceptedNames": names, "conditions": conditions, "storedVersions": stored}
