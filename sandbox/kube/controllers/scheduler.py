"""The scheduler: gives every pod a node that has what it asks for, or says per node what is missing."""

import asyncio
from collections import Counter

from sandbox.kube.client import Client, path_of
from sandbox.kube.controllers.controller import Controller, Key
from sandbox.kube.controllers.informer import Informer
from sandbox.kube.errors import ApiError
from sandbox.kube.objects import Object, dig, key_of, labels_of, name_of, namespace_of, now
from sandbox.kube.quantities import pod_requests, quantity

_ENDED = frozenset({"Succeeded", "Failed"})


class Scheduler:
    """Binds pending pods; looks again whenever a pod or a node changes."""

    def __init__(self, client: Client, *, pods: Informer, nodes: Informer) -> None:
        self._client, self._pods, self._nodes = client, pods, nodes
        self._loop = Controller("scheduler", self._reconcile)
        self._bound: dict[Key, tuple[str, Object]] = {}  # decided, not yet seen in the cache
        self._told: dict[str, str] = {}  # the last reason given, by pod uid
        pods.listen(self._pod_changed)
        nodes.listen(lambda _, __: self._wake())

    async def run(self) -> None:
        """Schedule until cancelled."""
        await asyncio.gather(self._pods.synced.wait(), self._nodes.synced.wait())
        await self._loop.run()

    def _pod_changed(self, pod: Object, gone: bool) -> None:
        if gone or dig(pod, "spec.nodeName"):
            self._bound.pop(key_of(pod), None)
            self._told.pop(pod["metadata"]["uid"], None)
            if gone or dig(pod, "status.phase") in _ENDED:
                self._wake()  # there may be room now
        else:
            self._loop.add(key_of(pod))

    def _wake(self) -> None:
        for key, pod in self._pods.objects.items():
            if not dig(pod, "spec.nodeName"):
                self._loop.add(key)

    async def _reconcile(self, key: Key) -> None:
        pod = self._pods.objects.get(key)
        if pod is None or dig(pod, "spec.nodeName") or dig(pod, "metadata.deletionTimestamp") or key in self._bound:
            return
        nodes = sorted(self._nodes.objects.values(), key=name_of)
        problems: Counter[str] = Counter()
        for node in nodes:
            missing = why_not(pod, node, self._used(name_of(node)))
            if not missing:
                await self._bind(pod, name_of(node))
                return
            problems.update(missing)
        told = ", ".join(f"{count} {problem}" for problem, count in sorted(problems.items()))
        await self._refuse(
            pod, f"0/{len(nodes)} nodes are available: {told}." if nodes else "no nodes available to schedule pods"
        )

    def _used(self, node: str) -> dict[str, float]:
        placed = [
            pod
            for key, pod in self._pods.objects.items()
            if dig(pod, "spec.nodeName") == node and dig(pod, "status.phase") not in _ENDED and key not in self._bound
        ]
        used: dict[str, float] = {}
        for pod in [*placed, *(pod for at, pod in self._bound.values() if at == node)]:
            for resource, amount in pod_requests(pod).items():
                used[resource] = used.get(resource, 0.0) + amount
        return used

    async def _bind(self, pod: Object, node: str) -> None:
        self._bound[key_of(pod)] = (node, pod)
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": name_of(pod), "namespace": namespace_of(pod)},
            "target": {"apiVersion": "v1", "kind": "Node", "name": node},
        }
        try:
            await self._client.request("POST", path_of(pod) + "/binding", body=binding)
        except ApiError as error:
            self._bound.pop(key_of(pod), None)
            if error.code not in {404, 409}:
                raise
            return
        message = f"Successfully assigned {namespace_of(pod)}/{name_of(pod)} to {node}"
        await self._client.event(pod, reason="Scheduled", message=message)

    async def _refuse(self, pod: Object, message: str) -> None:
        if self._told.get(pod["metadata"]["uid"]) == message:
            return
        self._told[pod["metadata"]["uid"]] = message
        condition = {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": message,
            "lastTransitionTime": now(),
        }
        others = [entry for entry in dig(pod, "status.conditions") or [] if entry["type"] != "PodScheduled"]
        await self._client.patch_status(pod, {"conditions": [*others, condition]})
        await self._client.event(pod, reason="FailedScheduling", message=message, kind="Warning")


def why_not(pod: Object, node: Object, used: dict[str, float]) -> list[str]:
    """Return why a pod cannot run on a node, in the scheduler's words; nothing if it can.

    As the real scheduler, it asks in an order and tells the first kind of reason only.
    """
    if dig(node, "spec.unschedulable"):
        return ["node(s) were unschedulable"]
    tolerations = dig(pod, "spec.tolerations") or []
    for taint in dig(node, "spec.taints") or []:
        if taint["effect"] != "PreferNoSchedule" and not any(_tolerates(entry, taint) for entry in tolerations):
            return [f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value', '')}}}"]
    wanted: dict[str, str] = dig(pod, "spec.nodeSelector") or {}
    if any(labels_of(node).get(key) != value for key, value in wanted.items()):
        return ["node(s) didn't match Pod's node affinity/selector"]
    allocatable = dig(node, "status.allocatable") or {}
    return [
        f"Insufficient {resource}"
        for resource, amount in pod_requests(pod).items()
        if amount and used.get(resource, 0.0) + amount > quantity(allocatable.get(resource, 0))
    ]


def _tolerates(toleration: Object, taint: Object) -> bool:
    if toleration.get("effect") not in {None, "", taint["effect"]}:
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in {None, "", taint["key"]}
    return bool(toleration.get("key") == taint["key"] and (toleration.get("value") or "") == taint.get("value", ""))
