"""One pod on this node: its volumes, its containers in order, its status as they change."""

import asyncio
from contextlib import suppress

import aiohttp

from sandbox.kube.client import Client
from sandbox.kube.errors import ApiError
from sandbox.kube.kubelet.container import Container
from sandbox.kube.kubelet.environment import ConfigError
from sandbox.kube.kubelet.launch import Surroundings
from sandbox.kube.kubelet.status import pod_status
from sandbox.kube.kubelet.volumes import VolumeRefusedError, Volumes
from sandbox.kube.objects import Object, dig, seconds_since

_MOUNT_SECONDS = 2.0
_RETRY_SECONDS = 0.5
_GONE = frozenset({404, 409})


class PodWorker:
    """Brings a pod to its end and tells the API about every step."""

    def __init__(self, around: Surroundings, volumes: Volumes, client: Client) -> None:
        self._around, self._volumes, self._client = around, volumes, client
        self.pod = around.pod
        spec = self.pod["spec"]
        self.inits = [Container(entry, around) for entry in spec.get("initContainers") or []]
        self.mains = [Container(entry, around) for entry in spec["containers"]]
        if self.inits:
            for container in self.mains:
                container.state = {"waiting": {"reason": "PodInitializing"}}
        for field in ("initContainerStatuses", "containerStatuses"):
            for status in dig(self.pod, f"status.{field}") or []:
                if container_of := self.container(status["name"]):
                    container_of.restore(status)
        self._changed = asyncio.Event()
        around.changed = self._changed.set
        self._stopping = asyncio.Event()
        self._failed: Object = {}
        self._reported: Object = {}

    def container(self, name: str) -> Container | None:
        """Return a container by its name."""
        return next((entry for entry in (*self.inits, *self.mains) if entry.name == name), None)

    async def run(self) -> None:
        """Run the pod to its end and report it."""
        self._changed.set()
        tasks = [asyncio.create_task(self._report_changes()), asyncio.create_task(self._expire())]
        try:
            await self._proceed()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if self._stopping.is_set() and not self._failed:
            self._failed = {"phase": "Failed"}
        await self._report()

    async def stop(self, grace: float, *, reason: str = "", message: str = "") -> None:
        """End all containers; `run` returns then."""
        if reason and not self._failed:
            self._failed = {"phase": "Failed", "reason": reason, "message": message}
        self._stopping.set()
        await asyncio.gather(*(container.stop(grace) for container in (*self.inits, *self.mains)))

    async def _proceed(self) -> None:
        if not await self._mount():
            return
        policy = self.pod["spec"]["restartPolicy"]
        for container in self.inits:
            code = await container.run("Never" if policy == "Never" else "OnFailure")
            if code or self._stopping.is_set():
                return
        await asyncio.gather(*(container.run(policy) for container in self.mains))

    async def _mount(self) -> bool:
        """Make the volumes, as soon as what they hold is there; False if the pod was stopped before."""
        while not self._stopping.is_set():
            try:
                self._around.volumes = await self._volumes.prepare()
            except (ConfigError, VolumeRefusedError) as error:
                await self._around.tell("FailedMount", f"MountVolume.SetUp failed: {error}", "Warning")
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), _MOUNT_SECONDS)
            else:
                return True
        return False

    async def _expire(self) -> None:
        limit = self.pod["spec"].get("activeDeadlineSeconds")
        if limit is None:
            return
        started = dig(self.pod, "status.startTime")
        await asyncio.sleep(limit - (seconds_since(started) if started else 0))
        message = "Pod was active on the node longer than the specified deadline"
        grace = self.pod["spec"]["terminationGracePeriodSeconds"]
        await self.stop(grace, reason="DeadlineExceeded", message=message)

    async def _report_changes(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            await self._report()

    async def _report(self) -> None:
        inits, mains = ([entry.status() for entry in group] for group in (self.inits, self.mains))
        status = pod_status(self.pod, inits, mains)
        if self._failed and status["phase"] != "Succeeded":
            status |= self._failed
        if status == self._reported:
            return
        try:
            await self._client.patch_status(self.pod, status)
        except (aiohttp.ClientError, ConnectionError):
            await asyncio.sleep(_RETRY_SECONDS)
            self._changed.set()
        except ApiError as error:
            if error.code not in _GONE:
                raise
        else:
            self._reported = status
            self.pod = {**self.pod, "status": status}
