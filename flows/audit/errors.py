"""What an audit ends with when a promise is broken."""

from __future__ import annotations

from collections.abc import Sequence

from blocks.errors import RejectedError
from flows.audit.rows import Row


class DamageError(RejectedError):
    """Something that somebody was told is there, or is so, and is not."""

    def __init__(self, *, damage: Sequence[Row]) -> None:
        told = "; ".join(f"[{row.subject}] {row.said}. Next: {row.then}" for row in damage)
        super().__init__("audit", f"{len(damage)} broken promise{'s' if len(damage) != 1 else ''}: {told}")
        self.damage = tuple(damage)
