"""One service's life: make sure that it is well, look how it is, end it and what it left."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from sandbox import health, ports, processes, services
from sandbox.errors import ServiceFailedError
from sandbox.layout import Layout
from sandbox.processes import Process
from sandbox.services import Service

_PROBE_SECONDS = 5.0
_LOOK_EVERY = 0.1  # seconds
_TAIL_LINES = 15


@dataclass(frozen=True)
class Status:
    """How a service is.

    Attributes:
        pid: None if it does not run.
        well: whether it answers what it should.
        since: Unix time of its start; None if it does not run.
    """

    service: str
    pid: int | None
    port: int
    well: bool
    since: float | None


def ensure(service: Service, *, at: Layout, say: Callable[[str], None], cancelled: Callable[[], bool]) -> None:
    """Leave a service that is well, restart one that is not, start one that does not run.

    Args:
        service: the service.
        at: its sandbox.
        say: told what was done, in one line.
        cancelled: whether to give up waiting.

    Raises:
        PortTakenError: somebody else listens where it should.
        ServiceFailedError: it ended, or was not well in time.
    """
    if service.prepare:
        service.prepare(at)
    running = processes.read(at.pid_file(service.name))
    if running and processes.is_running(running):
        reason = _reason_to_restart(service, running, at=at)
        if reason is None:
            say(f"{service.name:<10} is up already (process {running.pid})")
            return
        say(f"{service.name:<10} {reason}: restarting it")
    clear(service, at=at)
    for name in service.ports:
        ports.require_free(name, port=at.ports[name])
    began = time.monotonic()
    _start(service, at=at, cancelled=cancelled)
    say(f"{service.name:<10} is up after {time.monotonic() - began:.1f} s: {at.url(service.ports[0])}")


def clear(service: Service, *, at: Layout) -> bool:
    """End whatever is left of a service and forget it; return whether anything ran."""
    process = processes.read(at.pid_file(service.name))
    ran = process is not None and processes.is_running(process)
    if process is not None:
        processes.stop(process, grace=service.stop_seconds)
    # A service that was killed could not end its own children, and one whose pid file is lost is found only by this.
    left = processes.end_members(f"{at.root}#{service.name}")
    at.pid_file(service.name).unlink(missing_ok=True)
    for file in service.leftovers:
        file.unlink(missing_ok=True)
    return ran or left > 0


def status(service: Service, *, at: Layout) -> Status:
    """How the service is now."""
    process = processes.read(at.pid_file(service.name))
    if process is None or not processes.is_running(process):
        return Status(service=service.name, pid=None, port=at.ports[service.ports[0]], well=False, since=None)
    well = health.is_well(service.probes, seconds=_PROBE_SECONDS)
    return Status(
        service=service.name, pid=process.pid, port=at.ports[service.ports[0]], well=well, since=process.since
    )


def _reason_to_restart(service: Service, running: Process, *, at: Layout) -> str | None:
    if running.fingerprint != service.fingerprint:
        return "runs with other settings"
    needed = {name: processes.read(at.pid_file(name)) for name in service.needs}
    for name, process in needed.items():
        # The worker's watch of the cluster gives up after some tries, and the worker goes on without it.
        if process and process.since > running.since:
            return f"is older than {name}, which it needs"
    return None if health.is_well(service.probes, seconds=_PROBE_SECONDS) else "runs but does not answer"


def _start(service: Service, *, at: Layout, cancelled: Callable[[], bool]) -> None:
    process = processes.start(
        service.command,
        environment=services.environment_of(service, at=at),
        folder=at.root,
        log=at.log(service.name),
        mark=service.fingerprint,
    )
    processes.write(at.pid_file(service.name), process)
    deadline = time.monotonic() + service.start_seconds
    while not health.is_well(service.probes, seconds=_PROBE_SECONDS):
        if not processes.is_running(process):
            raise _failed(service, reason=f"ended by itself, exit code {processes.exit_code(process)}", at=at)
        if cancelled():
            raise _failed(service, reason="was interrupted while it started", at=at)
        if time.monotonic() > deadline:
            raise _failed(service, reason=f"was not well after {service.start_seconds:.0f} s", at=at)
        time.sleep(_LOOK_EVERY)


def _failed(service: Service, *, reason: str, at: Layout) -> ServiceFailedError:
    log = at.log(service.name)
    tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:]
    return ServiceFailedError(service=service.name, reason=reason, log=log, tail=tail)
