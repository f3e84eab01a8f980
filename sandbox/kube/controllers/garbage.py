"""The garbage collector: objects whose owners are gone, foreground and orphaning deletions, emptied namespaces."""

import asyncio
import copy

from sandbox.kube.api.deletion import Deletion, delete
from sandbox.kube.api.target import Target
from sandbox.kube.api.verbs import Verbs
from sandbox.kube.objects import Object, key_of, name_of, namespace_of, owners_of, uid_of
from sandbox.kube.resources import Resource
from sandbox.kube.store import Change

_FOREGROUND, _ORPHAN = "foregroundDeletion", "orphan"
_NAMESPACES = ("", "namespaces")


class GarbageCollector:
    """Follows every write in the store: unlike the other controllers it has to see all kinds, also custom ones."""

    def __init__(self, verbs: Verbs) -> None:
        self._verbs = verbs

    async def run(self) -> None:
        """Collect what is left from before, then whenever something is deleted."""
        subscription = self._verbs.store.subscribe(None, since=self._verbs.store.version)
        try:
            for resource in self._verbs.catalog.storage_keys().values():
                for obj in list(self._verbs.store.list(resource.key)):
                    self._collect_if_ownerless(resource, obj)
                    self._go_on(resource, obj)
            while (change := await subscription.queue.get()) is not None:
                self._follow(change)
                await asyncio.sleep(0)
        finally:
            self._verbs.store.unsubscribe(subscription)

    def _follow(self, change: Change) -> None:
        resource = self._verbs.catalog.storage_keys().get(change.resource)
        if resource is None:
            return  # the kind itself was deleted
        if change.deleted:
            for dependent, obj in self._dependents(change.after):
                self._collect_if_ownerless(dependent, obj)
                for owner in list(owners_of(obj)):
                    self._look_at_owner(owner, namespace_of(obj))
            for owner in list(owners_of(change.after)):
                self._look_at_owner(owner, namespace_of(change.after))
            if namespace := self._verbs.store.get(_NAMESPACES, ("", namespace_of(change.after))):
                self._empty(namespace)
        else:
            live = self._verbs.store.get(change.resource, key_of(change.after))
            if live is not None:
                self._collect_if_ownerless(resource, live)
                self._go_on(resource, live)

    def _look_at_owner(self, reference: Object, namespace: str) -> None:
        resource = self._verbs.catalog.by_kind(api_version=reference["apiVersion"], kind=reference["kind"])
        if resource:
            key = (namespace if resource.namespaced else "", reference["name"])
            owner = self._verbs.store.get(resource.key, key)
            if owner and uid_of(owner) == reference["uid"]:
                self._go_on(resource, owner)

    def _collect_if_ownerless(self, resource: Resource, obj: Object) -> None:
        """Delete an object that names owners of which none exists (any more)."""
        owners = list(owners_of(obj))
        if owners and not obj["metadata"].get("deletionTimestamp") and not any(self._exists(o, obj) for o in owners):
            delete(self._verbs, _target(resource, obj), Deletion(propagation="Background"))

    def _exists(self, reference: Object, obj: Object) -> bool:
        resource = self._verbs.catalog.by_kind(api_version=reference["apiVersion"], kind=reference["kind"])
        if resource is None:
            return True  # a kind that is not served here: its controller may be elsewhere
        key = (namespace_of(obj) if resource.namespaced else "", reference["name"])
        owner = self._verbs.store.get(resource.key, key)
        return owner is not None and uid_of(owner) == reference["uid"]

    def _go_on(self, resource: Resource, obj: Object) -> None:
        """Do what an object that is being deleted waits for."""
        meta = obj["metadata"]
        if not meta.get("deletionTimestamp"):
            return
        if resource.key == _NAMESPACES:
            self._empty(obj)
        finalizers = meta.get("finalizers") or []
        dependents = self._dependents(obj)
        if _FOREGROUND in finalizers:
            for dependent, child in dependents:
                if not child["metadata"].get("deletionTimestamp"):
                    delete(self._verbs, _target(dependent, child), Deletion(propagation="Foreground"))
            if not any(_blocks(child, obj) for _, child in self._dependents(obj)):
                self._finish(resource, obj, _FOREGROUND)
        elif _ORPHAN in finalizers:
            for dependent, child in dependents:
                kept = copy.deepcopy(child)
                kept["metadata"]["ownerReferences"] = [o for o in owners_of(child) if o["uid"] != uid_of(obj)]
                if not kept["metadata"]["ownerReferences"]:
                    del kept["metadata"]["ownerReferences"]
                self._verbs.store.put(dependent.key, key_of(child), kept)
            self._finish(resource, obj, _ORPHAN)

    def _finish(self, resource: Resource, obj: Object, finalizer: str) -> None:
        left = copy.deepcopy(obj)
        left["metadata"]["finalizers"] = [entry for entry in obj["metadata"]["finalizers"] if entry != finalizer]
        self._verbs.write(_target(resource, obj), left)

    def _empty(self, namespace: Object) -> None:
        """Delete all that is in a terminating namespace, then the namespace."""
        if not namespace["metadata"].get("deletionTimestamp"):
            return
        held = False
        for resource in self._verbs.catalog.storage_keys().values():
            for obj in list(self._verbs.store.list(resource.key, namespace=name_of(namespace))):
                held = True
                if not obj["metadata"].get("deletionTimestamp"):
                    delete(self._verbs, _target(resource, obj), Deletion(propagation="Background"))
        if not held and (namespace.get("spec") or {}).get("finalizers"):
            done = copy.deepcopy(namespace)
            done["spec"]["finalizers"] = []
            self._verbs.write(
                Target(resource=self._verbs.catalog.storage_keys()[_NAMESPACES], name=name_of(done)), done
            )

    def _dependents(self, owner: Object) -> list[tuple[Resource, Object]]:
        return [
            (resource, obj)
            for resource in self._verbs.catalog.storage_keys().values()
            for obj in self._verbs.store.list(resource.key)
            if any(reference["uid"] == uid_of(owner) for reference in owners_of(obj))
        ]


def _target(resource: Resource, obj: Object) -> Target:
    return Target(resource=resource, namespace=namespace_of(obj), name=name_of(obj))


def _blocks(child: Object, owner: Object) -> bool:
    return any(o["uid"] == uid_of(owner) and o.get("blockOwnerDeletion") for o in owners_of(child))
