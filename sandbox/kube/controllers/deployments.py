"""The Deployment controller: a ReplicaSet per pod template, replaced at once (Recreate) or step by step."""

import asyncio
import copy

from sandbox.kube.client import Client
from sandbox.kube.controllers import deployment_status
from sandbox.kube.controllers.controller import Controller, Key
from sandbox.kube.controllers.deployment_status import HASH, REVISION
from sandbox.kube.controllers.informer import Informer
from sandbox.kube.controllers.pod_making import ENDED, reference
from sandbox.kube.errors import ApiError
from sandbox.kube.objects import Object, controller_of, dig, key_of, labels_of, name_of, namespace_of, uid_of

_EXISTS = 409


class DeploymentController:
    """Rolls Deployments out."""

    def __init__(self, client: Client, *, deployments: Informer, replica_sets: Informer, pods: Informer) -> None:
        self._client, self._deployments, self._sets, self._pods = client, deployments, replica_sets, pods
        self._loop = Controller("deployments", self._reconcile)
        deployments.listen(lambda deployment, gone: None if gone else self._loop.add(key_of(deployment)))
        replica_sets.listen(lambda replica_set, _: self._wake(replica_set, "Deployment"))
        pods.listen(self._pod_changed)

    async def run(self) -> None:
        """Control until cancelled."""
        await asyncio.gather(self._deployments.synced.wait(), self._sets.synced.wait(), self._pods.synced.wait())
        await self._loop.run()

    def _wake(self, obj: Object, kind: str) -> None:
        owner = controller_of(obj)
        if owner and owner["kind"] == kind:
            self._loop.add((namespace_of(obj), owner["name"]))

    def _pod_changed(self, pod: Object, gone: bool) -> None:
        owner = controller_of(pod)
        if gone and owner and owner["kind"] == "ReplicaSet":  # Recreate waits for the old pods to be gone
            replica_set = self._sets.objects.get((namespace_of(pod), owner["name"]))
            if replica_set:
                self._wake(replica_set, "Deployment")

    async def _reconcile(self, key: Key) -> float | None:
        deployment = self._deployments.objects.get(key)
        if deployment is None or dig(deployment, "metadata.deletionTimestamp"):
            return None
        owned = [
            each
            for each in self._sets.objects.values()
            if (controller_of(each) or {}).get("uid") == uid_of(deployment)
            and not dig(each, "metadata.deletionTimestamp")
        ]
        wanted = deployment_status.template_hash(deployment["spec"]["template"])
        new = next((each for each in owned if labels_of(each).get(HASH) == wanted), None)
        old = sorted((each for each in owned if each is not new), key=_revision)
        size, old_sizes = deployment_status.sizes(deployment, new, old, old_pods=self._running_pods(old))
        for index, count in enumerate(old_sizes):
            old[index] = await self._scale(deployment, old[index], count)
        revision = max([_revision(each) for each in old], default=0) + 1
        if new is not None:
            new = await self._scale(deployment, new, size, revision=max(revision, _revision(new)))
        elif size or not old or deployment["spec"]["replicas"] == 0:
            new = await self._create(deployment, wanted, size, revision=revision)
        await self._forget(deployment, old)
        return await self._write(deployment, new, old)

    def _running_pods(self, replica_sets: list[Object]) -> int:
        uids = {uid_of(each) for each in replica_sets}
        pods = [pod for pod in self._pods.objects.values() if (controller_of(pod) or {}).get("uid") in uids]
        return sum(dig(pod, "status.phase") not in ENDED for pod in pods)

    async def _create(self, deployment: Object, wanted: str, size: int, *, revision: int) -> Object | None:
        template = copy.deepcopy(deployment["spec"]["template"])
        template["metadata"] = {**template.get("metadata", {})}
        template["metadata"]["labels"] = labels = {**(template["metadata"].get("labels") or {}), HASH: wanted}
        selector = {"matchLabels": {**(dig(deployment, "spec.selector.matchLabels") or {}), HASH: wanted}}
        name = f"{name_of(deployment)}-{wanted}"
        replica_set = {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": name,
                "namespace": namespace_of(deployment),
                "labels": labels,
                "annotations": {REVISION: str(revision)},
                "ownerReferences": [reference(deployment)],
            },
            "spec": {"replicas": size, "selector": selector, "template": template},
        }
        try:
            created = await self._client.create(replica_set)
        except ApiError as error:
            if error.code == _EXISTS:
                return None  # the cache is behind, and will queue the Deployment again
            raise
        self._sets.objects[key_of(created)] = created
        await self._tell(deployment, f"Scaled up replica set {name} from 0 to {size}")
        await self._mark(deployment, revision)
        return created

    async def _scale(
        self, deployment: Object, replica_set: Object, size: int, *, revision: int | None = None
    ) -> Object:
        before = replica_set["spec"]["replicas"]
        change: Object = {"spec": {"replicas": size}} if size != before else {}
        if revision is not None and revision != _revision(replica_set):
            change["metadata"] = {"annotations": {REVISION: str(revision)}}
            await self._mark(deployment, revision)
        if not change:
            return replica_set
        changed = await self._client.patch(replica_set, change)
        self._sets.objects[key_of(changed)] = changed
        if size != before:
            way = "up" if size > before else "down"
            await self._tell(deployment, f"Scaled {way} replica set {name_of(changed)} from {before} to {size}")
        return changed

    async def _mark(self, deployment: Object, revision: int) -> None:
        change = {"metadata": {"annotations": {REVISION: str(revision)}}}
        self._deployments.objects[key_of(deployment)] = await self._client.patch(deployment, change)

    async def _forget(self, deployment: Object, old: list[Object]) -> None:
        """Delete the oldest ReplicaSets without pods, beyond those that are kept for a rollback."""
        empty = [each for each in old if not each["spec"]["replicas"] and not dig(each, "status.replicas")]
        for each in empty[: max(0, len(empty) - deployment["spec"]["revisionHistoryLimit"])]:
            await self._client.delete(each)

    async def _write(self, deployment: Object, new: Object | None, old: list[Object]) -> float | None:
        live = self._deployments.objects.get(key_of(deployment)) or deployment
        status = deployment_status.status(deployment, new, old)
        if status != (live.get("status") or {}):
            live = await self._client.patch_status(live, status)
            self._deployments.objects[key_of(deployment)] = live
        return deployment_status.deadline(live)

    async def _tell(self, deployment: Object, message: str) -> None:
        await self._client.event(deployment, reason="ScalingReplicaSet", message=message)


def _revision(replica_set: Object) -> int:
    return int((dig(replica_set, "metadata.annotations") or {}).get(REVISION, 0))
