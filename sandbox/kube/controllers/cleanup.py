"""Small keepers: finished Jobs past their TTL, old events, a default account per namespace, claims that are bound."""

from sandbox.kube.client import Client
from sandbox.kube.controllers.controller import Controller, Key
from sandbox.kube.controllers.informer import Informer
from sandbox.kube.controllers.job_status import FINISHED, condition_of
from sandbox.kube.errors import ApiError
from sandbox.kube.objects import Object, dig, key_of, name_of, seconds_since

_EVENT_SECONDS = 3600.0


class _Keeper:
    """A controller of one resource."""

    def __init__(self, client: Client, informer: Informer) -> None:
        self.client, self.informer = client, informer
        self._loop = Controller(type(self).__name__, self._reconcile)
        informer.listen(self._changed)

    async def run(self) -> None:
        """Keep until cancelled."""
        await self.informer.synced.wait()
        await self._loop.run()

    def _changed(self, obj: Object, gone: bool) -> None:
        if not gone:
            self._loop.add(key_of(obj))

    async def _reconcile(self, key: Key) -> float | None:
        obj = self.informer.objects.get(key)
        return None if obj is None or dig(obj, "metadata.deletionTimestamp") else await self.keep(obj)

    async def keep(self, obj: Object) -> float | None:
        """Do what is to be done for an object; return the seconds after which to look again."""
        raise NotImplementedError


class JobTtl(_Keeper):
    """Deletes finished Jobs, with their pods, after `ttlSecondsAfterFinished`."""

    async def keep(self, obj: Object) -> float | None:
        """Delete the Job if its time is over."""
        ended, ttl = condition_of(obj, FINISHED), obj["spec"].get("ttlSecondsAfterFinished")
        if ended is None or ttl is None:
            return None
        left = float(ttl - seconds_since(ended["lastTransitionTime"]))
        if left > 0:
            return left
        await self.client.delete(obj, propagationPolicy="Foreground")
        return None


class EventTtl(_Keeper):
    """Deletes events after an hour, as a real cluster does."""

    async def keep(self, obj: Object) -> float | None:
        """Delete the event if it is old."""
        left = _EVENT_SECONDS - seconds_since(obj["metadata"]["creationTimestamp"])
        if left > 0:
            return left
        await self.client.delete(obj)
        return None


class DefaultAccounts(_Keeper):
    """Gives every namespace its service account `default`."""

    async def keep(self, obj: Object) -> None:
        """Create the account if the namespace has none."""
        account = {"apiVersion": "v1", "kind": "ServiceAccount"}
        try:
            await self.client.create({**account, "metadata": {"name": "default", "namespace": name_of(obj)}})
        except ApiError as error:
            if error.code not in {403, 404, 409}:  # going away, gone, or has it
                raise


class ClaimBinder(_Keeper):
    """Binds every claim at once to a folder of the kubelet's."""

    async def keep(self, obj: Object) -> None:
        """Say that the claim is bound."""
        if dig(obj, "status.phase") == "Bound":
            return
        capacity = dig(obj, "spec.resources.requests") or {}
        modes = dig(obj, "spec.accessModes") or []
        await self.client.patch_status(obj, {"phase": "Bound", "capacity": capacity, "accessModes": modes})
