"""Keeps the Endpoints of every Service with a selector: where its ready pods listen on this machine."""

import asyncio

from sandbox.kube.client import Client
from sandbox.kube.controllers.controller import Controller, Key
from sandbox.kube.controllers.informer import Informer
from sandbox.kube.controllers.pod_making import is_active, is_ready, selects
from sandbox.kube.errors import ApiError
from sandbox.kube.kubelet.ports import local_port
from sandbox.kube.objects import Json, Object, dig, key_of, name_of, namespace_of, uid_of

_GONE = frozenset({403, 404})
_NOT_FOUND = 404


class EndpointsController:
    """Follows Services and pods."""

    def __init__(self, client: Client, *, services: Informer, pods: Informer, endpoints: Informer) -> None:
        self._client, self._services, self._pods, self._endpoints = client, services, pods, endpoints
        self._loop = Controller("endpoints", self._reconcile)
        services.listen(lambda service, _: self._loop.add(key_of(service)))
        pods.listen(self._pod_changed)

    async def run(self) -> None:
        """Control until cancelled."""
        await asyncio.gather(self._services.synced.wait(), self._pods.synced.wait(), self._endpoints.synced.wait())
        await self._loop.run()

    def _pod_changed(self, pod: Object, _: bool) -> None:
        for key, service in self._services.objects.items():
            if key[0] == namespace_of(pod) and selects(dig(service, "spec.selector") or {}, pod):
                self._loop.add(key)

    async def _reconcile(self, key: Key) -> None:
        service, held = self._services.objects.get(key), self._endpoints.objects.get(key)
        if service is None:
            if held is not None:
                await self._client.delete(held)
            return
        if not dig(service, "spec.selector"):
            return  # its Endpoints are somebody else's
        subsets = self._subsets(service)
        if held is not None and (held.get("subsets") or []) == subsets:
            return
        try:
            await self._write(service, held, subsets)
        except ApiError as error:
            if error.code not in _GONE:
                raise

    async def _write(self, service: Object, held: Object | None, subsets: list[Object]) -> None:
        if held is None:
            owner = {"apiVersion": "v1", "kind": "Service", "name": name_of(service), "uid": uid_of(service)}
            meta = {"name": name_of(service), "namespace": namespace_of(service), "ownerReferences": [owner]}
            wanted = {"apiVersion": "v1", "kind": "Endpoints", "metadata": meta, "subsets": subsets}
            written = await self._client.create(wanted)
        else:
            written = await self._client.patch(held, {"subsets": subsets})
        self._endpoints.objects[key_of(service)] = written

    def _subsets(self, service: Object) -> list[Object]:
        pods = [
            pod
            for key, pod in sorted(self._pods.objects.items())
            if key[0] == namespace_of(service)
            and selects(service["spec"]["selector"], pod)
            and is_active(pod)
            and is_ready(pod)
        ]
        return [_subset(service, pod) for pod in pods]


def _subset(service: Object, pod: Object) -> Object:
    """Return one pod's addresses: every pod has local ports of its own."""
    target = {"kind": "Pod", "namespace": namespace_of(pod), "name": name_of(pod), "uid": uid_of(pod)}
    address = {"ip": "127.0.0.1", "nodeName": dig(pod, "spec.nodeName"), "targetRef": target}
    ports = []
    for entry in service["spec"].get("ports") or []:
        number = _number(pod, entry["targetPort"])
        if number is not None:
            named = {"name": entry["name"]} if entry.get("name") else {}
            ports.append({**named, "port": local_port(pod, number), "protocol": entry["protocol"]})
    return {"addresses": [address], "ports": ports}


def _number(pod: Object, port: Json) -> int | None:
    """Return a target port's number; it may be given by its name, which a pod may not have."""
    if isinstance(port, int) or str(port).isdecimal():
        return int(port)
    entries = [entry for container in pod["spec"]["containers"] for entry in container.get("ports") or []]
    return next((int(entry["containerPort"]) for entry in entries if entry.get("name") == port), None)
