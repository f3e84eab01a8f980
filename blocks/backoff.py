"""How long to wait between attempts, and when to give up: attempts without progress are bounded, delays have jitter."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


@dataclass(slots=True)
class Backoff:
    """Counts attempts without progress and paces the next one.

    Attributes:
        attempts: how many failures in a row are borne before giving up.
        base_seconds: the first delay's upper bound; it doubles with every failure in a row.
        longest_seconds: no delay is longer, whatever a server asks for.
    """

    attempts: int
    base_seconds: float = 0.5
    longest_seconds: float = 60.0
    failures: int = field(default=0, init=False)

    def progress(self) -> None:
        """Forget earlier failures: bytes arrived."""
        self.failures = 0

    def exhausted(self) -> bool:
        """Count one more failure; True if there shall be no other attempt."""
        self.failures += 1
        return self.failures >= self.attempts

    def delay(self, *, asked: float | None = None) -> float:
        """Seconds to wait before the next attempt: what the server asked for, else exponential with full jitter."""
        if asked is not None:
            return min(asked, self.longest_seconds)
        bound = min(self.base_seconds * 2 ** max(self.failures - 1, 0), self.longest_seconds)
        return random.uniform(bound / 2, bound)  # noqa: S311 - spreads load, protects nothing


def retry_after(value: str | None, *, now: datetime | None = None) -> float | None:
    """Read a Retry-After header (RFC 9110 §10.2.3): seconds, or an HTTP date.

    Returns:
        Seconds from now, never negative; None if the header is absent or unreadable.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max((when - (now or datetime.now(UTC))).total_seconds(), 0.0)
