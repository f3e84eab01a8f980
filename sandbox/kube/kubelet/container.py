"""One container of a pod: created, run, restarted and stopped."""

import asyncio
import time
from contextlib import suppress
from pathlib import Path

from sandbox.kube.kubelet.environment import ConfigError
from sandbox.kube.kubelet.health import Health
from sandbox.kube.kubelet.images import ImageNotPulledError, image_id, is_image_name
from sandbox.kube.kubelet.launch import Launch, Surroundings, prepare
from sandbox.kube.kubelet.process import MARK, Session, Started, spawn
from sandbox.kube.kubelet.status import LOST, restarts
from sandbox.kube.kubelet.termination import terminated, termination_message
from sandbox.kube.logs import Log
from sandbox.kube.objects import Object, dig, now

_RESTART_SECONDS = (0.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0)
_PULL_SECONDS = (2.0, 5.0, 10.0, 20.0, 40.0, 60.0)
_CONFIG_SECONDS = 2.0
_STEADY_SECONDS = 600.0  # after running so long, a container's back-off begins anew
_DRAIN_SECONDS = 2.0  # for output that a process outside the session may still hold open


class Container:
    """A container and its state, through all its restarts."""

    def __init__(self, spec: Object, pod: Surroundings) -> None:
        self.spec, self._pod = spec, pod
        self.name: str = spec["name"]
        self.state: Object = {"waiting": {"reason": "ContainerCreating"}}
        self.last: Object = {}
        self.restart_count = 0
        self.log: Log | None = None
        self._stopping = asyncio.Event()
        self._session: Session | None = None
        self._health: Health | None = None
        self._folder: Path = pod.folder / "containers" / self.name

    def status(self) -> Object:
        """Return the container's status."""
        running = "running" in self.state
        created = running or "terminated" in self.state or bool(self.last)
        return {
            "name": self.name,
            "image": self.spec["image"],
            "imageID": image_id(self.spec["image"]) if created else "",
            "ready": running and self._health is not None and self._health.ready,
            "started": running and self._health is not None and self._health.started,
            "restartCount": self.restart_count,
            "state": self.state,
            "lastState": self.last,
        }

    def restore(self, status: Object) -> None:
        """Take over from a kubelet that died: what ran then has been ended since."""
        self.restart_count = status.get("restartCount", 0)
        self.state, self.last = status["state"], status.get("lastState") or {}
        if started := dig(self.state, "running.startedAt"):
            told = "The container could not be located when the kubelet started again"
            self.state = {"terminated": terminated(137, reason=LOST, started=started, message=told)}

    async def run(self, policy: str) -> int:
        """Run until it is not to be started again; return the exit code."""
        attempt = self.restart_count
        while not self._stopping.is_set():
            if "terminated" not in self.state:
                began = time.monotonic()
                await self._attempt()
                attempt = 0 if time.monotonic() - began > _STEADY_SECONDS else attempt
            ended = self.state.get("terminated")
            if ended is None or self._stopping.is_set() or not restarts(policy, ended["exitCode"]):
                break
            pause = _RESTART_SECONDS[min(attempt, len(_RESTART_SECONDS) - 1)]
            self.last = self.state
            if pause:
                self._wait_for("CrashLoopBackOff", f"back-off {pause:.0f}s restarting failed container={self.name}")
                await self._pod.tell("BackOff", f"Back-off restarting failed container {self.name}", "Warning")
                await self._sleep(pause)
            attempt += 1
            self.restart_count += 1
            self._wait_for("ContainerCreating", "")
        return int(dig(self.state, "terminated.exitCode") or 0)

    async def stop(self, grace: float) -> None:
        """End the container and let `run` return."""
        self._stopping.set()
        if self._session is not None:
            await self._session.end(grace)

    async def _attempt(self) -> None:
        launch = await self._created()
        if launch is None or self._stopping.is_set():
            return
        self.log = Log(self._folder / "logs" / f"{self.restart_count}.log")
        try:
            begun = await spawn(launch.argv, env=launch.env, cwd=launch.cwd)
        except OSError as error:
            await self._could_not_start(
                f"failed to start {launch.argv[0]!r}: {error.strerror}: {error.filename}", self.log
            )
            return
        session = self._session = Session.of(begun.process.pid, launch.env[MARK])
        session.save(self._folder / "session.json")
        if self._stopping.is_set():
            await session.kill()
        health = self._health = Health(self.spec, self._pod, session, launch)
        if local := self._pod.ports.annotations:
            await self._pod.announce(local)
        started = now()
        self.state = {"running": {"startedAt": started}}
        self._pod.changed()
        code = await self._attend(begun, session, health, self.log)
        reason = health.killed_because or ("Completed" if code == 0 else "Error")
        message = await termination_message(self.spec, launch.message_file, self.log, code)
        self.state = {"terminated": terminated(code, reason=reason, started=started, message=message)}
        self._pod.changed()

    async def _could_not_start(self, told: str, log: Log) -> None:
        log.path.touch()
        log.close()
        self.state = {"terminated": terminated(128, reason="StartError", started=now(), message=told)}
        self._pod.changed()
        await self._pod.tell("Failed", f"Error: {told}", "Warning")

    async def _attend(self, started: Started, session: Session, health: Health, log: Log) -> int:
        """Copy the output and watch the health until the container has ended; return the exit code."""
        copying = asyncio.create_task(log.copy(started.output))
        watching = asyncio.create_task(health.watch())
        try:
            await self._pod.tell("Started", f"Started container {self.name}", "Normal")
            code = await started.process.wait()
        finally:
            watching.cancel()
            await session.kill()  # what the first process left behind ends with it
            self._session = None
            (self._folder / "session.json").unlink(missing_ok=True)
            with suppress(TimeoutError):
                await asyncio.wait_for(copying, _DRAIN_SECONDS)
            started.pipe.close()
            log.close()
        return code if code >= 0 else 128 - code

    async def _created(self) -> Launch | None:
        """Return what to start, once the image and the configuration are there; None if the container was stopped."""
        pulls = 0
        while not self._stopping.is_set():
            if not is_image_name(self.spec["image"]):
                told = f'Failed to apply default image tag "{self.spec["image"]}": couldn\'t parse image name'
                self._wait_for("InvalidImageName", told)
                await self._pod.tell("InspectFailed", told, "Warning")
                await self._sleep(_CONFIG_SECONDS)
                continue
            try:
                image = self._pod.images.find(self.spec["image"])
            except ImageNotPulledError as error:
                await self._not_pulled(str(error), _PULL_SECONDS[min(pulls, len(_PULL_SECONDS) - 1)])
                pulls += 1
                continue
            try:
                return await prepare(self.spec, self._pod, image, self._folder)
            except ConfigError as error:
                self._wait_for("CreateContainerConfigError", str(error))
                await self._pod.tell("Failed", f"Error: {error}", "Warning")
                await self._sleep(_CONFIG_SECONDS)
        return None

    async def _not_pulled(self, told: str, pause: float) -> None:
        name = self.spec["image"]
        self._wait_for("ErrImagePull", told)
        await self._pod.tell("Failed", f'Failed to pull image "{name}": {told}', "Warning")
        await self._sleep(0.5)
        self._wait_for("ImagePullBackOff", f'Back-off pulling image "{name}": {told}')
        await self._pod.tell("BackOff", f'Back-off pulling image "{name}"', "Normal")
        await self._sleep(pause)

    def _wait_for(self, reason: str, message: str) -> None:
        self.state = {"waiting": {"reason": reason} | ({"message": message} if message else {})}
        self._pod.changed()

    async def _sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
