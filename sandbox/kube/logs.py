"""Container logs: lines with the time they came at in a file, and readers that follow it as it grows."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class LogOptions:
    """What a reader wants."""

    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    tail: int | None = None
    since_seconds: float | None = None
    limit_bytes: int | None = None


class Log:
    """One container run's log: `<time> <F|P> <text>` a line, as CRI has it; P is a line that goes on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._grown = asyncio.Event()
        self.closed = False

    async def copy(self, source: asyncio.StreamReader) -> None:
        """Write what the container says, until all who hold its end of the pipe are gone."""
        with self.path.open("ab", buffering=0) as file:
            while chunk := await source.read(1 << 16):
                stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z").encode()
                *lines, rest = chunk.split(b"\n")
                records = [stamp + b" F " + line for line in lines] + ([stamp + b" P " + rest] if rest else [])
                file.write(b"\n".join([*records, b""]))  # one write: a reader never sees half a record
                self._wake()

    def close(self) -> None:
        """Say that nothing more will come."""
        self.closed = True
        self._wake()

    def _wake(self) -> None:
        self._grown.set()
        self._grown = asyncio.Event()

    async def read(self, options: LogOptions) -> AsyncIterator[bytes]:
        """Yield the log as it is, then, if asked to follow, what comes until it is closed."""
        left = options.limit_bytes
        oldest = ""
        if options.since_seconds is not None:
            since = datetime.now(UTC) - timedelta(seconds=options.since_seconds)
            oldest = since.strftime("%Y-%m-%dT%H:%M:%S.%f000Z")
        with self.path.open("rb") as file:
            skip = _lines_before_tail(self.path, options.tail)
            line_open = False
            while True:
                grown, closed = self._grown, self.closed  # before reading, or what comes meanwhile is missed
                out = bytearray()
                for record in file:
                    stamp, mark, text = record[:-1].split(b" ", 2)
                    if skip:
                        skip -= mark == b"F"
                        continue
                    if stamp.decode() < oldest:
                        continue
                    if options.timestamps and not line_open:
                        out += stamp + b" "
                    out += text + (b"\n" if mark == b"F" else b"")
                    line_open = mark == b"P"
                if left is not None:
                    out = out[:left]
                    left -= len(out)
                if out:
                    yield bytes(out)
                if not options.follow or closed or left == 0:
                    return
                await grown.wait()


def _lines_before_tail(path: Path, tail: int | None) -> int:
    if tail is None:
        return 0
    with path.open("rb") as file:
        marks = [record.split(b" ", 2)[1] for record in file]
    lines = marks.count(b"F") + (1 if marks and marks[-1] == b"P" else 0)
    return max(0, lines - tail)
