"""Watches a running container: its probes and the memory it may use."""

import asyncio
from collections.abc import Awaitable, Callable

from sandbox.kube.kubelet import probes
from sandbox.kube.kubelet.launch import Launch, Surroundings
from sandbox.kube.kubelet.process import Session
from sandbox.kube.objects import Object, dig
from sandbox.kube.quantities import quantity

_MEMORY_SECONDS = 0.5


class Health:
    """Whether a running container has started, is ready, and why it was ended."""

    def __init__(self, spec: Object, pod: Surroundings, session: Session, launch: Launch) -> None:
        self._spec, self._pod, self._session, self._launch = spec, pod, session, launch
        self.ready = "readinessProbe" not in spec and "startupProbe" not in spec
        self.started = "startupProbe" not in spec
        self.killed_because = ""

    async def watch(self) -> None:
        """Probe and measure until cancelled."""
        await asyncio.gather(self._probe(), self._watch_memory())

    async def _probe(self) -> None:
        if startup := self._spec.get("startupProbe"):
            passed = asyncio.Event()

            def act(is_up: bool) -> None:
                if is_up:
                    passed.set()

            watching = asyncio.create_task(self._repeat("Startup", startup, act))
            try:
                await passed.wait()
            finally:
                watching.cancel()
            self.started, self.ready = True, "readinessProbe" not in self._spec
            self._pod.changed()
        kinds = [
            self._repeat(name, self._spec[field], acts)
            for name, field, acts in (
                ("Readiness", "readinessProbe", self._set_ready),
                ("Liveness", "livenessProbe", lambda _: None),
            )
            if field in self._spec
        ]
        await asyncio.gather(*kinds)

    async def _repeat(self, name: str, probe: Object, act: Callable[[bool], None]) -> None:
        launch = self._launch

        def once() -> Awaitable[None]:
            local = self._pod.ports.local
            return probes.check(probe, self._spec, argv=launch.rewrite, env=launch.env, cwd=launch.cwd, local=local)

        async for passed, told in probes.changes(probe, once):
            act(passed)
            if passed:
                continue
            await self._pod.tell("Unhealthy", f"{name} probe failed: {told}", "Warning")
            if name != "Readiness":
                message = f"Container {self._spec['name']} failed {name.lower()} probe, will be restarted"
                await self._pod.tell("Killing", message, "Normal")
                await self._session.end(float(dig(self._pod.pod, "spec.terminationGracePeriodSeconds") or 0))

    def _set_ready(self, is_ready: bool) -> None:
        self.ready = is_ready
        self._pod.changed()

    async def _watch_memory(self) -> None:
        limit = dig(self._spec, "resources.limits.memory")
        while limit:
            await asyncio.sleep(_MEMORY_SECONDS)
            if self._session.memory() > quantity(limit):
                self.killed_because = "OOMKilled"
                await self._session.kill()
