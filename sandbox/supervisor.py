"""Starts, watches and stops the servers of one sandbox."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from sandbox import environment, layout, lifecycle, ports, processes, services, steps
from sandbox.errors import NotUpError, SeveralFailedError, UnknownServiceError
from sandbox.layout import Layout
from sandbox.lifecycle import Status
from sandbox.lock import exclusive


class Sandbox:
    """The servers in one state folder.

    Args:
        state: the folder.
        ports: by the names of `sandbox.ports.NAMES`; by default those of an earlier start here, else free ones.
        services: which to run, in any order.
        provision: which steps of `sandbox.provision` to run with them; by default all whose servers run.
        say: told one line about everything that happens.
    """

    def __init__(
        self,
        state: Path,
        *,
        ports: Mapping[str, int] | None = None,
        services: Sequence[str] = services.NAMES,
        provision: Sequence[str] | None = None,
        say: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self.state = state.resolve()
        self._ports = ports
        self._names = _known(services)
        self._provision = provision
        self._say = say
        self._cancelled = threading.Event()

    def start(self) -> None:
        """Start what does not run, restart what is half-dead, leave what is well, and provision.

        Raises:
            SandboxError: a service or a step failed; those that do not need it are up all the same.
        """
        with exclusive(self.state, say=self._say):
            at = layout.prepare(self.state, ports=self._choose_ports())
            try:
                failures = steps.run(self._steps(at))
            except KeyboardInterrupt:
                self._cancelled.set()
                raise
        if len(failures) == 1:
            raise failures[0]
        if failures:
            raise SeveralFailedError(failures=failures)

    def stop(self) -> int:
        """Stop all services, also those that this object was not asked to run; return how many processes ended."""
        if not layout.is_ours(self.state):
            return 0
        with exclusive(self.state, say=self._say):
            return self._stop_all()

    def reset(self) -> None:
        """Stop everything and delete the state folder.

        Raises:
            NotOurStateError: the folder holds somebody else's files.
        """
        if not self.state.exists():
            return
        with exclusive(self.state, say=self._say):
            self._stop_all()
            shutil.rmtree(self.state)

    def status(self) -> list[Status]:
        """How each service is, in the order of starting."""
        at = self._existing()
        return [lifecycle.status(services.service(name, at=at), at=at) for name in self._names]

    def environment(self) -> dict[str, str]:
        """The variables by which clients find the sandbox."""
        return environment.terminal(self.layout)

    @property
    def layout(self) -> Layout:
        """Its paths, ports and secrets.

        Raises:
            NotUpError: it was never started.
        """
        return self._existing()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _choose_ports(self) -> Mapping[str, int]:
        if self._ports is None:
            self._ports = {**ports.free(), **layout.recorded_ports(self.state)}
        return self._ports

    def _existing(self) -> Layout:
        at = layout.open_existing(self.state, ports=self._ports or layout.choose_ports(self.state, environment={}))
        if at is None:
            raise NotUpError(what=f"There is no sandbox in {self.state}")
        return at

    def _steps(self, at: Layout) -> list[steps.Step]:
        from sandbox import provision  # noqa: PLC0415 - boto3 and NumPy take half a second, which `down` need not wait

        ensure = partial(lifecycle.ensure, at=at, say=self._say, cancelled=self._cancelled.is_set)
        serving = [services.service(name, at=at) for name in self._names]
        wanted = [steps.Step(each.name, run=partial(ensure, each), needs=each.needs) for each in serving]
        wanted += provision.steps(self._provision, services=self._names, at=at, say=self._say)
        return steps.ordered(wanted)

    def _stop_all(self) -> int:
        at = layout.open_existing(self.state, ports=layout.choose_ports(self.state, environment={}))
        if at is None:
            return 0
        ended = 0
        for name in reversed(services.NAMES):
            if lifecycle.clear(services.service(name, at=at), at=at):
                ended += 1
                self._say(f"{name:<10} is down")
        return ended + processes.end_members(f"{at.root}#")


def _known(names: Sequence[str]) -> tuple[str, ...]:
    for name in names:
        if name not in services.NAMES:
            raise UnknownServiceError(service=name, known=services.NAMES)
    return tuple(name for name in services.NAMES if name in names)
