"""HTTP byte ranges (RFC 9110, section 14), as far as the Hub's CDN goes: one range."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sandbox.hub.errors import HubError

_RANGE = re.compile(r"\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Span:
    """Bytes `start` to `start + length` of a file."""

    start: int
    length: int

    def content_range(self, size: int) -> str:
        """The Content-Range header of a file of `size` bytes."""
        return f"bytes {self.start}-{self.start + self.length - 1}/{size}"


def parse_range(header: str | None, *, size: int) -> Span | None:
    """The part of a file of `size` bytes that a Range header asks for.

    Returns:
        None for the whole file: no header, one that is malformed, or several ranges.

    Raises:
        HubError: 416, no byte of the file is in the range.
    """
    match = _RANGE.fullmatch(header or "")
    if match is None or not any(match.groups()):
        return None
    first, last = match.groups()
    if not first:
        length = min(int(last), size)
        span = Span(start=size - length, length=length)
    elif last and int(last) < int(first):
        return None  # malformed, and to be ignored
    else:
        end = min(int(last), size - 1) if last else size - 1
        span = Span(start=int(first), length=end - int(first) + 1)
    if span.length <= 0:
        raise HubError(416, "The requested range is not satisfiable", headers={"Content-Range": f"bytes */{size}"})
    return span
