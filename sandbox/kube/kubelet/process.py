"""A container's processes: a session of their own, known by pid and start time, ended without leftovers."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

MARK = "SANDBOX_CONTAINER"  # the variable by which a container's processes are known
_POLL_SECONDS = 0.02  # only while waiting for killed processes to disappear
_STATE, _SESSION, _START = 0, 3, 19  # positions in /proc/*/stat after the command's name, see proc(5)


@dataclass(frozen=True)
class Session:
    """The processes of one container. A pid alone may be another's by now; with start time and boot it is not."""

    leader: int
    started: int  # clock ticks since boot
    boot: str
    mark: str  # what stands in the environment of all its processes, also of those that leave the session

    @classmethod
    def of(cls, pid: int, mark: str) -> "Session":
        """Return the session that a process leads."""
        stat = _stat(pid)
        return cls(leader=pid, started=int(stat[_START]) if stat else 0, boot=_boot(), mark=mark)

    @classmethod
    def load(cls, path: Path) -> "Session | None":
        """Return what `save` wrote, or None."""
        try:
            return cls(**json.loads(path.read_text()))
        except FileNotFoundError:
            return None

    def save(self, path: Path) -> None:
        """Write down what runs, for a kubelet that comes after us."""
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps(asdict(self)))
        draft.replace(path)

    def members(self) -> list[int]:
        """Return the pids that live in this session."""
        if self.boot != _boot():
            return []
        leader = _stat(self.leader)
        if leader and int(leader[_START]) != self.started:
            return []  # the number belongs to somebody else now
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                stat = _stat(int(entry.name))
                if stat and int(stat[_SESSION]) == self.leader and stat[_STATE] != "Z":
                    found.append(int(entry.name))
        return found

    def _escaped(self) -> list[int]:
        """Return the pids that carry the mark, wherever they are."""
        wanted = f"{MARK}={self.mark}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with suppress(OSError):  # another user's, or gone
                    if wanted in (entry / "environ").read_bytes().split(b"\0"):
                        found.append(int(entry.name))
        return found

    async def kill(self) -> None:
        """End every process of the container, also those that are forked meanwhile or have left the session."""
        while pids := self.members() or self._escaped():
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(_POLL_SECONDS)

    async def end(self, grace: float) -> None:
        """Ask the first process to end, as a container runtime does; kill all that is left after `grace` seconds."""
        deadline = time.monotonic() + grace
        if grace and self.leader in self.members():
            with suppress(ProcessLookupError):
                os.kill(self.leader, signal.SIGTERM)
            while self.leader in self.members() and time.monotonic() < deadline:
                await asyncio.sleep(_POLL_SECONDS)
        await self.kill()

    def memory(self) -> int:
        """Return the bytes that its processes hold for themselves (without files and shared memory)."""
        page = os.sysconf("SC_PAGE_SIZE")
        total = 0
        for pid in self.members():
            with suppress(OSError):
                _, resident, shared, *_ = map(int, Path(f"/proc/{pid}/statm").read_text().split())
                total += (resident - shared) * page
        return total


@dataclass(frozen=True, kw_only=True)
class Started:
    """A process that was started, and what it says."""

    process: asyncio.subprocess.Process
    output: asyncio.StreamReader
    pipe: asyncio.ReadTransport


async def spawn(argv: Sequence[str], *, env: Mapping[str, str], cwd: Path) -> Started:
    """Start a process in a session of its own, with nothing of the kubelet's environment; both outputs share a pipe.

    The pipe is ours: asyncio's own would hold up `wait` until every process that inherited it has ended.

    Raises:
        OSError: it cannot be started.
    """
    loop = asyncio.get_running_loop()
    reading, writing = os.pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            env=dict(env),
            cwd=cwd,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=writing,
            stderr=writing,
            start_new_session=True,
        )
    except BaseException:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    output = asyncio.StreamReader()
    pipe, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(output), os.fdopen(reading, "rb", 0))
    return Started(process=process, output=output, pipe=pipe)


def _stat(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
