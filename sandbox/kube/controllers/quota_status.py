"""Keeps the status of resource quotas: how much of what they limit is used."""

import asyncio

from sandbox.kube.api import quota
from sandbox.kube.client import Client
from sandbox.kube.controllers.controller import Controller, Key
from sandbox.kube.controllers.informer import Informer
from sandbox.kube.objects import Object, dig, key_of, namespace_of


class QuotaStatus:
    """Counts again whenever a pod or a quota of the namespace changes."""

    def __init__(self, client: Client, *, quotas: Informer, pods: Informer) -> None:
        self._client, self._quotas, self._pods = client, quotas, pods
        self._loop = Controller("quotas", self._reconcile)
        quotas.listen(lambda each, gone: None if gone else self._loop.add(key_of(each)))
        pods.listen(self._pod_changed)

    async def run(self) -> None:
        """Count until cancelled."""
        await asyncio.gather(self._quotas.synced.wait(), self._pods.synced.wait())
        await self._loop.run()

    def _pod_changed(self, pod: Object, _: bool) -> None:
        for key in self._quotas.objects:
            if key[0] == namespace_of(pod):
                self._loop.add(key)

    async def _reconcile(self, key: Key) -> None:
        held = self._quotas.objects.get(key)
        if held is None:
            return
        hard = dig(held, "spec.hard") or {}
        pods = [pod for pod in self._pods.objects.values() if namespace_of(pod) == key[0]]
        status = {"hard": hard, "used": quota.shown(quota.usage(hard, pods))}
        if status != held.get("status"):
            self._quotas.objects[key] = await self._client.patch_status(held, status)
