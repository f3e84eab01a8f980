"""How a container ended: the terminated state and the message that it left."""

from pathlib import Path

from sandbox.kube.logs import Log, LogOptions
from sandbox.kube.objects import Object, now

_LONGEST_MESSAGE = 4096
_LONGEST_LOG = 2048
_LOG_LINES = 80


def terminated(code: int, *, reason: str, started: str, message: str = "") -> Object:
    """Return the terminated state."""
    state: Object = {"exitCode": code, "reason": reason, "startedAt": started, "finishedAt": now()}
    return state | ({"message": message} if message else {})


async def termination_message(spec: Object, file: Path, log: Log, code: int) -> str:
    """Return what the container wrote to its terminationMessagePath; after a failure the log's end, if so asked."""
    message = file.read_bytes()[:_LONGEST_MESSAGE].decode(errors="replace")
    if not message and code and spec.get("terminationMessagePolicy") == "FallbackToLogsOnError":
        tail = b"".join([chunk async for chunk in log.read(LogOptions(tail=_LOG_LINES))])
        message = tail[-_LONGEST_LOG:].decode(errors="replace")
    return message
