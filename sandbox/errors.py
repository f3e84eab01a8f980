"""What can go wrong with the sandbox itself; every sentence ends in the next command to type."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


class SandboxError(Exception):
    """The sandbox cannot do what was asked."""


class PortTakenError(SandboxError):
    """Somebody else listens where a service should."""

    def __init__(self, *, service: str, port: int, variable: str, base_variable: str, holder: str | None) -> None:
        who = f"by {holder}" if holder else "by a process that this user cannot see"
        super().__init__(
            f"Port {port}, which {service} needs, is taken {who}. Stop it, or choose another port: "
            f"`export {variable}=PORT` for this one, `export {base_variable}=PORT` for all of them"
        )


class BadPortError(SandboxError):
    """A variable holds no port number."""

    def __init__(self, *, variable: str, value: str) -> None:
        super().__init__(f"{variable} is {value!r}, which is no free TCP port. Set a number from 1024 to 65000")


class ServiceFailedError(SandboxError):
    """A service did not come up."""

    def __init__(self, *, service: str, reason: str, log: Path, tail: Sequence[str]) -> None:
        lines = "".join(f"\n    {line}" for line in tail) or "\n    (empty)"
        super().__init__(
            f"{service} {reason}. The end of {log}:{lines}\n"
            f"Read more with `python -m sandbox logs {service}`, then try again with `python -m sandbox up`"
        )


class StillRunningError(SandboxError):
    """A process outlives SIGKILL."""

    def __init__(self, *, pids: Sequence[int], seconds: float) -> None:
        told = ", ".join(str(pid) for pid in pids)
        super().__init__(
            f"{told} still running {seconds:.0f} s after SIGKILL: the kernel holds it, mostly for a disk or a mount. "
            f"See for what: cat /proc/{pids[0]}/wchan"
        )


class SeveralFailedError(SandboxError):
    """More than one part of the sandbox failed; each tells its own reason."""

    def __init__(self, *, failures: Sequence[SandboxError]) -> None:
        super().__init__("\n".join(f"{number}. {failure}" for number, failure in enumerate(failures, start=1)))
        self.failures = tuple(failures)


class StepFailedError(SandboxError):
    """A step of the provisioning failed."""

    def __init__(self, *, step: str, reason: str) -> None:
        super().__init__(f"{step}: {reason}. Mend it, then type `python -m sandbox up` again: it does what is missing")


class NotOurStateError(SandboxError):
    """A folder is not the sandbox's to delete or to fill."""

    def __init__(self, *, folder: Path, variable: str) -> None:
        super().__init__(
            f"{folder} holds files that the sandbox did not make. "
            f"Name an empty or a new folder: `export {variable}=FOLDER`"
        )


class NotUpError(SandboxError):
    """Something was asked of a sandbox that has not been started."""

    def __init__(self, *, what: str) -> None:
        super().__init__(f"{what}. Start the sandbox first: `python -m sandbox up`")


class UnknownServiceError(SandboxError):
    """There is no such service."""

    def __init__(self, *, service: str, known: Sequence[str]) -> None:
        super().__init__(f"There is no service {service!r}. Choose from: {', '.join(known)}")


class DemoFailedError(SandboxError):
    """A command of the demonstration failed.

    Attributes:
        said: what it printed.
    """

    def __init__(self, *, command: str, reason: str, said: str) -> None:
        super().__init__(
            f"`{command}` {reason}. What it printed stands above; the servers' logs: `python -m sandbox logs`"
        )
        self.said = said


class ToolEnvironmentError(SandboxError):
    """The environment of a program that cannot share ours cannot be made."""

    def __init__(self, *, command: str, reason: str, said: str, again: str) -> None:
        lines = "".join(f"\n    {line}" for line in said.splitlines())
        super().__init__(f"`{command}` {reason}.{lines}\nMend it, then type `{again}` again")


class ToolMissingError(SandboxError):
    """A program of the machine is missing and cannot be installed from here."""

    def __init__(self, *, tool: str, purpose: str, command: str) -> None:
        super().__init__(f"{tool}, which {purpose}, is not installed. On Debian or Ubuntu: `{command}`")


class NothingToDamageError(SandboxError):
    """A version that was never imported, or not from this replica."""

    def __init__(self, *, uri: str) -> None:
        super().__init__(f"{uri} is not there. Import it first: prefect deployment run import/quantized --watch")
