"""The kubelet itself: registers nodes, follows the pods bound to them, and cleans up after an earlier kubelet."""

import asyncio
import logging
import math
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path

from sandbox.kube.api.auth import Endpoint, Tokens, write_kubeconfig
from sandbox.kube.client import Client, path_of
from sandbox.kube.controllers.informer import Informer
from sandbox.kube.errors import ApiError
from sandbox.kube.kubelet import scratch
from sandbox.kube.kubelet.images import ImageMap
from sandbox.kube.kubelet.launch import Surroundings
from sandbox.kube.kubelet.nodes import is_local
from sandbox.kube.kubelet.pod import PodWorker
from sandbox.kube.kubelet.ports import PodPorts
from sandbox.kube.kubelet.process import Session
from sandbox.kube.kubelet.volumes import Volumes
from sandbox.kube.logs import Log, LogOptions
from sandbox.kube.objects import Object, dig, key_of, name_of, namespace_of, uid_of

_log = logging.getLogger(__name__)
_ENDED = frozenset({"Succeeded", "Failed"})
_SHUTDOWN_GRACE = 5.0
_PLURALS = {"ConfigMap": "configmaps", "Secret": "secrets", "PersistentVolumeClaim": "persistentvolumeclaims"}


class Kubelet:
    """Runs the pods of all nodes that this machine stands for."""

    def __init__(
        self,
        client: Client,
        *,
        pods: Informer,
        folder: Path,
        images: ImageMap,
        nodes: Sequence[Object],
        endpoint: Endpoint,
        tokens: Tokens,
    ) -> None:
        self._client, self._pods, self._images, self._nodes = client, pods, images, nodes
        self._folder, self._endpoint, self._tokens = folder, endpoint, tokens
        self._workers: dict[str, PodWorker] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._ending: dict[str, float] = {}  # the grace that each pod was given
        self._going_down = False  # a pod that is being prepared meanwhile is not started any more
        self._names = {name_of(node) for node in nodes}

    async def run(self) -> None:
        """Register the nodes, end what an earlier kubelet left, and run pods until cancelled."""
        await end_leftovers(self._folder)
        for node in self._nodes:
            await self._register(node)
        for node in (await self._client.request("GET", "/api/v1/nodes"))["items"]:
            if is_local(node) and name_of(node) not in self._names:
                await self._client.delete({**node, "apiVersion": "v1", "kind": "Node"})
        await self._pods.synced.wait()
        known = {uid_of(pod) for pod in self._pods.objects.values()}
        for leftover in self._pods_folder().iterdir():
            if leftover.name not in known:
                shutil.rmtree(leftover)
                scratch.remove(leftover.name)
        for pod in list(self._pods.objects.values()):
            self._changed(pod, gone=False)
        self._pods.listen(lambda pod, gone: self._changed(pod, gone=gone))
        await asyncio.Event().wait()

    async def shut_down(self) -> None:
        """End all pods: the sandbox goes down as a whole."""
        self._going_down = True
        message = "Pod was terminated in response to imminent node shutdown."
        stops = [
            worker.stop(_SHUTDOWN_GRACE, reason="Terminated", message=message) for worker in self._workers.values()
        ]
        await asyncio.gather(*stops)
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def read(self, pod: Object, container: str, options: LogOptions) -> AsyncIterator[bytes]:
        """Yield a container's log; the API server's `pods/log` asks here."""
        folder = self._pods_folder() / uid_of(pod) / "containers" / container / "logs"
        runs = sorted(int(path.stem) for path in folder.glob("*.log"))
        if options.previous:
            runs = runs[:-1]
        if not runs:
            return
        worker = self._workers.get(uid_of(pod))
        live = worker.container(container) if worker else None
        log = live.log if live and not options.previous else None
        if log is None:
            log = Log(folder / f"{runs[-1]}.log")
            log.close()
        async for chunk in log.read(options):
            yield chunk

    def _pods_folder(self) -> Path:
        folder = self._folder / "pods"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _changed(self, pod: Object, *, gone: bool) -> None:
        if dig(pod, "spec.nodeName") not in self._names:
            return
        uid = uid_of(pod)
        if gone:
            self._spawn(self._forget(uid))
        elif dig(pod, "metadata.deletionTimestamp"):
            grace = float(pod["metadata"].get("deletionGracePeriodSeconds") or 0)
            if grace < self._ending.get(uid, math.inf):
                self._ending[uid] = grace
                self._spawn(self._end(pod, grace))
        elif uid not in self._tasks and dig(pod, "status.phase") not in _ENDED:
            task = asyncio.create_task(self._work(pod), name=f"pod {name_of(pod)}")
            task.add_done_callback(_report_failure)
            self._tasks[uid] = task

    def _spawn(self, coroutine: "asyncio._CoroutineLike[None]") -> None:
        task = asyncio.create_task(coroutine)
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)
        task.add_done_callback(_report_failure)

    async def _work(self, pod: Object) -> None:
        worker = await self._worker(pod)
        if self._going_down or uid_of(pod) in self._ending or key_of(pod) not in self._pods.objects:
            scratch.remove(uid_of(pod))
            return  # it was deleted before it began
        self._workers[uid_of(pod)] = worker
        try:
            await worker.run()
        finally:
            scratch.remove(uid_of(pod))

    async def _end(self, pod: Object, grace: float) -> None:
        """End a pod that is being deleted, then let the API forget it."""
        uid = uid_of(pod)
        if worker := self._workers.get(uid):
            await worker.stop(grace)
        if task := self._tasks.get(uid):
            await asyncio.gather(task, return_exceptions=True)
        await self._client.delete(pod, gracePeriodSeconds=0)

    async def _forget(self, uid: str) -> None:
        """Remove all of a pod that is gone from the API."""
        if worker := self._workers.get(uid):
            await worker.stop(0)
        if task := self._tasks.pop(uid, None):
            await asyncio.gather(task, return_exceptions=True)
        self._workers.pop(uid, None)
        self._ending.pop(uid, None)
        with suppress(FileNotFoundError):
            shutil.rmtree(self._pods_folder() / uid)

    async def _worker(self, pod: Object) -> PodWorker:
        namespace = namespace_of(pod)
        folder = self._pods_folder() / uid_of(pod)
        account = pod["spec"].get("serviceAccountName") or "default"
        token = self._tokens.service_account(namespace=namespace, name=account)
        (folder / "home").mkdir(parents=True, exist_ok=True)
        env = {"HOME": str(folder / "home"), "TMPDIR": str(scratch.make(uid_of(pod))), "HOSTNAME": name_of(pod)}
        if await self._mounts_token(pod, account):
            write_kubeconfig(folder / "kubeconfig", self._endpoint, token=token, namespace=namespace)
            env["KUBECONFIG"] = str(folder / "kubeconfig")

        async def lookup(kind: str, name: str) -> Object:
            return await self._client.request("GET", f"/api/v1/namespaces/{namespace}/{_PLURALS[kind]}/{name}")

        async def tell(reason: str, message: str, kind: str) -> None:
            await self._client.event(pod, reason=reason, message=message, kind=kind)

        async def announce(annotations: dict[str, str]) -> None:
            try:
                await self._client.patch(pod, {"metadata": {"annotations": annotations}})
            except ApiError as error:
                if error.code != 404:  # noqa: PLR2004 - it was deleted meanwhile
                    raise

        around = Surroundings(
            pod=pod,
            folder=folder,
            images=self._images,
            lookup=lookup,
            tell=tell,
            changed=lambda: None,
            ports=PodPorts(pod),
            announce=announce,
            env=env,
        )
        claims = self._folder / "claims"
        volumes = Volumes(pod=pod, folder=folder / "volumes", claims=claims, lookup=lookup, token=token)
        return PodWorker(around, volumes, self._client)

    async def _mounts_token(self, pod: Object, account: str) -> bool:
        asked = pod["spec"].get("automountServiceAccountToken")
        if asked is None:
            try:
                path = f"/api/v1/namespaces/{namespace_of(pod)}/serviceaccounts/{account}"
                asked = (await self._client.request("GET", path)).get("automountServiceAccountToken")
            except ApiError as error:
                if error.code != 404:  # noqa: PLR2004 - not found
                    raise
        return asked is not False

    async def _register(self, node: Object) -> None:
        try:
            await self._client.create(node)
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise
            await self._client.patch(node, {"metadata": {"labels": node["metadata"]["labels"]}, "spec": node["spec"]})
        await self._client.request(
            "PATCH",
            path_of(node) + "/status",
            body={"status": node["status"]},
            content_type="application/merge-patch+json",
        )


async def end_leftovers(folder: Path) -> None:
    """End the processes that an earlier kubelet started and that still live."""
    for file in (folder / "pods").glob("*/containers/*/session.json"):
        session = Session.load(file)
        if session:
            await session.kill()
        file.unlink()


def _report_failure(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (error := task.exception()):
        _log.error("%s failed", task.get_name(), exc_info=error)
