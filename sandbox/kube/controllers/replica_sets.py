"""The ReplicaSet controller: keeps as many pods as are wanted, and says why it cannot."""

import asyncio

from sandbox.kube.client import Client
from sandbox.kube.controllers.controller import Controller, Key
from sandbox.kube.controllers.informer import Informer
from sandbox.kube.controllers.pod_making import ENDED, is_active, is_ready, pod_of
from sandbox.kube.errors import ApiError
from sandbox.kube.objects import Object, controller_of, dig, key_of, name_of, namespace_of, now, uid_of

_REFUSED = frozenset({403, 422})
_LONGEST_PAUSE = 30.0  # seconds between two attempts to make a pod that is refused


class ReplicaSetController:
    """Makes and ends the pods of ReplicaSets."""

    def __init__(self, client: Client, *, replica_sets: Informer, pods: Informer) -> None:
        self._client, self._sets, self._pods = client, replica_sets, pods
        self._loop = Controller("replicasets", self._reconcile)
        self._awaited: dict[Key, str] = {}  # pods that were created and not yet seen, and their set's uid
        self._ended: set[str] = set()  # pods that were deleted and may still be seen as they were
        self._refusals: dict[str, int] = {}  # how often in a row, by the set's uid
        replica_sets.listen(self._set_changed)
        pods.listen(self._pod_changed)

    async def run(self) -> None:
        """Control until cancelled."""
        await asyncio.gather(self._sets.synced.wait(), self._pods.synced.wait())
        await self._loop.run()

    def _set_changed(self, replica_set: Object, gone: bool) -> None:
        if gone:
            self._refusals.pop(uid_of(replica_set), None)
        else:
            self._loop.add(key_of(replica_set))

    def _pod_changed(self, pod: Object, gone: bool) -> None:
        self._awaited.pop(key_of(pod), None)
        if gone:
            self._ended.discard(uid_of(pod))
        owner = controller_of(pod)
        if owner and owner["kind"] == "ReplicaSet":
            self._loop.add((namespace_of(pod), owner["name"]))
        elif gone:  # its end may have freed the quota that another one waits for
            for key, replica_set in self._sets.objects.items():
                if uid_of(replica_set) in self._refusals:
                    self._loop.add(key)

    async def _reconcile(self, key: Key) -> float | None:
        replica_set = self._sets.objects.get(key)
        if replica_set is None or dig(replica_set, "metadata.deletionTimestamp"):
            return None
        uid = uid_of(replica_set)
        if uid in self._awaited.values():
            return None  # the pod's arrival queues the set again
        pods = [pod for pod in self._pods.objects.values() if (controller_of(pod) or {}).get("uid") == uid]
        active = [pod for pod in pods if is_active(pod) and uid_of(pod) not in self._ended]
        wanted = replica_set["spec"]["replicas"]
        refusal, again = "", None
        for pod in _superfluous(active, len(active) - wanted):
            await self._end(replica_set, pod)
            active.remove(pod)
        for pod in pods:  # pods that ended with the sandbox are replaced, and would otherwise pile up
            if dig(pod, "status.phase") in ENDED and not dig(pod, "metadata.deletionTimestamp"):
                await self._client.delete(pod)
        for _ in range(wanted - len(active)):
            refusal = await self._create(replica_set)
            if refusal:
                again = min(2.0 ** self._refusals[uid], _LONGEST_PAUSE)
                break
        else:
            self._refusals.pop(uid, None)
        await self._write(replica_set, active, refusal)
        return again

    async def _create(self, replica_set: Object) -> str:
        """Create a pod; return why it was refused, or nothing."""
        pod, uid = pod_of(replica_set), uid_of(replica_set)
        self._awaited[key_of(pod)] = uid
        try:
            await self._client.create(pod)
        except ApiError as error:
            self._awaited.pop(key_of(pod), None)
            if error.code not in _REFUSED:
                raise
            self._refusals[uid] = self._refusals.get(uid, 0) + 1
            message = f"Error creating: {error.message}"
            await self._client.event(replica_set, reason="FailedCreate", message=message, kind="Warning")
            return error.message
        except BaseException:
            self._awaited.pop(key_of(pod), None)
            raise
        await self._client.event(replica_set, reason="SuccessfulCreate", message=f"Created pod: {name_of(pod)}")
        return ""

    async def _end(self, replica_set: Object, pod: Object) -> None:
        self._ended.add(uid_of(pod))
        await self._client.delete(pod)
        await self._client.event(replica_set, reason="SuccessfulDelete", message=f"Deleted pod: {name_of(pod)}")

    async def _write(self, replica_set: Object, active: list[Object], refusal: str) -> None:
        held = replica_set.get("status") or {}
        ready = sum(is_ready(pod) for pod in active)
        status: Object = {
            "replicas": len(active),
            "fullyLabeledReplicas": len(active),
            "readyReplicas": ready,
            "availableReplicas": ready,
            "observedGeneration": dig(replica_set, "metadata.generation"),
            "conditions": _conditions(held.get("conditions") or [], refusal),
        }
        if status != held:
            self._sets.objects[key_of(replica_set)] = await self._client.patch_status(replica_set, status)


def _superfluous(active: list[Object], count: int) -> list[Object]:
    """Return the pods to end: first those that are not ready, of those the youngest."""
    youngest_first = sorted(active, key=lambda pod: str(dig(pod, "metadata.creationTimestamp")), reverse=True)
    return sorted(youngest_first, key=is_ready)[: max(0, count)]


def _conditions(held: list[Object], refusal: str) -> list[Object]:
    if not refusal:
        return []
    if held and held[0]["message"] == refusal:
        return held
    stamp = now()
    return [
        {
            "type": "ReplicaFailure",
            "status": "True",
            "reason": "FailedCreate",
            "message": refusal,
            "lastTransitionTime": stamp,
        }
    ]
