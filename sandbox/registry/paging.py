"""Reads the paging parameters of a list request, and makes the token that fetches the next page."""

from __future__ import annotations

import base64
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.registry.answers import Refusal

_COLUMNS = {"ID": "id", "CREATE_TIME": "created", "LAST_UPDATE_TIME": "updated"}


@dataclass(frozen=True)
class Page:
    """Which part of a list is wanted, and in which order.

    Attributes:
        size: the most resources to show; 0 shows all, as the real server does without a `pageSize`.
        column: the column to order by; ids break ties.
        descending: True for the greatest first.
        after: value of `column` and id of the last resource that was shown, None at the beginning.
    """

    size: int = 0
    column: str = "id"
    descending: bool = False
    after: tuple[int, int] | None = None

    @property
    def order(self) -> str:
        """The SQL that orders the list."""
        direction = "DESC" if self.descending else "ASC"
        return f"{self.column} {direction}, id {direction}"

    @property
    def condition(self) -> str:
        """The SQL that leaves out what was shown before, with a mark for each of `values`."""
        return f"({self.column}, id) {'<' if self.descending else '>'} (?, ?)" if self.after else "1"

    @property
    def values(self) -> tuple[int, ...]:
        """The values of the marks in `condition`."""
        return self.after or ()

    def token_after(self, row: sqlite3.Row) -> str:
        """Make the token of the page that begins after this row."""
        return base64.urlsafe_b64encode(f"{row[self.column]}:{row['id']}".encode()).decode()


def page_of(query: Mapping[str, str]) -> Page:
    """Read `pageSize`, `orderBy`, `sortOrder` and `nextPageToken`.

    Raises:
        Refusal: 400, one of them is not what the API allows, or there is a `filterQuery`.
    """
    if query.get("filterQuery"):
        raise Refusal(
            400, "the sandbox's registry does not support filterQuery: use the singular lookups, or filter yourself"
        )
    size = query.get("pageSize") or "0"
    if not re.fullmatch(r"0|[1-9][0-9]{0,8}", size, re.ASCII):
        raise Refusal(400, f"pageSize must be a positive number of at most nine digits, not {size!r}")
    order = query.get("orderBy") or "ID"
    if order not in _COLUMNS:
        raise Refusal(400, f"orderBy must be one of {', '.join(_COLUMNS)}, not {order!r}")
    direction = query.get("sortOrder") or "ASC"
    if direction not in {"ASC", "DESC"}:
        raise Refusal(400, f"sortOrder must be ASC or DESC, not {direction!r}")
    return Page(int(size), _COLUMNS[order], direction == "DESC", _after(query.get("nextPageToken", "")))


def _after(token: str) -> tuple[int, int] | None:
    if not token:
        return None
    try:
        value, resource_id = base64.urlsafe_b64decode(token).decode().split(":")
        return int(value), int(resource_id)
    except ValueError as error:
        raise Refusal(400, "nextPageToken is not a token of this server") from error
