"""Probes: startup, readiness and liveness checks of a container, over HTTP, TCP or a command."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path

import aiohttp

from sandbox.kube.kubelet.process import spawn
from sandbox.kube.objects import Json, Object

_LONGEST_OUTPUT = 4096  # bytes
_OK = range(200, 400)


class ProbeFailedError(Exception):
    """A check did not pass."""


def _port(container: Object, port: Json) -> int:
    """Return a port's number; it may be given by its name."""
    named: Object = {entry.get("name"): entry["containerPort"] for entry in container.get("ports") or []}
    return int(str(named.get(port, port)))


async def check(
    probe: Object,
    container: Object,
    *,
    argv: Callable[[str], str],
    env: Mapping[str, str],
    cwd: Path,
    local: Callable[[int], int],
) -> None:
    """Check once; `argv` and `local` give the local path and port behind the container's.

    Raises:
        ProbeFailedError: it did not pass, or not in time.
    """
    try:
        async with asyncio.timeout(probe.get("timeoutSeconds") or 1):
            if "httpGet" in probe:
                await _http(probe["httpGet"], local(_port(container, probe["httpGet"]["port"])))
            elif "tcpSocket" in probe:
                port = local(_port(container, probe["tcpSocket"]["port"]))
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
            elif "exec" in probe:
                await _exec([argv(word) for word in probe["exec"]["command"]], env, cwd)
            else:
                raise ProbeFailedError("the sandbox knows the probes httpGet, tcpSocket and exec")
    except (OSError, aiohttp.ClientError, TimeoutError) as error:
        raise ProbeFailedError(f"{type(error).__name__}: {error}") from error


async def _http(probe: Object, port: int) -> None:
    headers = {entry["name"]: entry["value"] for entry in probe.get("httpHeaders") or []}
    scheme = (probe.get("scheme") or "HTTP").lower()
    url = f"{scheme}://127.0.0.1:{port}{probe.get('path') or '/'}"
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers, ssl=False) as response:
        if response.status not in _OK:
            raise ProbeFailedError(f"HTTP probe failed with statuscode: {response.status}")


async def _exec(argv: list[str], env: Mapping[str, str], cwd: Path) -> None:
    started = await spawn(argv, env=env, cwd=cwd)
    try:
        code = await started.process.wait()
        output = await started.output.read(_LONGEST_OUTPUT)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(started.process.pid, signal.SIGKILL)
        started.pipe.close()
    if code:
        raise ProbeFailedError(f"exit code {code}: {output.decode(errors='replace').strip()}")


async def changes(probe: Object, once: Callable[[], Awaitable[None]]) -> AsyncIterator[tuple[bool, str]]:
    """Check periodically; yield (passed, what it said) whenever a threshold is reached."""
    await asyncio.sleep(probe.get("initialDelaySeconds") or 0)
    passed, failed = 0, 0
    while True:
        try:
            await once()
        except ProbeFailedError as error:
            passed, failed = 0, failed + 1
            if failed == (probe.get("failureThreshold") or 3):
                yield False, str(error)
        else:
            passed, failed = passed + 1, 0
            if passed == (probe.get("successThreshold") or 1):
                yield True, ""
        await asyncio.sleep(probe.get("periodSeconds") or 10)
