"""Keeps the registry's resources in one SQLite file; every write is committed before it is answered."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

from sandbox.registry.answers import Refusal
from sandbox.registry.kinds import Json, Kind
from sandbox.registry.paging import Page

_SCHEMA = """
CREATE TABLE IF NOT EXISTS resource (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    parent INTEGER,  -- the id of the resource above; 0 at the top; NULL for an artifact of no version
    name TEXT NOT NULL,
    external_id TEXT UNIQUE,
    created INTEGER NOT NULL,  -- ms since the epoch, as is `updated`
    updated INTEGER NOT NULL,
    body TEXT NOT NULL,  -- the resource as JSON, without the columns above but with its name and external id
    UNIQUE (kind, parent, name)
)
"""


class Store:
    """The resources of a registry.

    One connection, used by one thread at a time: the server runs all its handlers in one event loop. Every statement is
    a transaction of its own.
    """

    def __init__(self, database: Path | str) -> None:
        # A test creates the store in its own thread and serves it in another.
        self._connection = sqlite3.connect(database, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute(_SCHEMA)

    def close(self) -> None:
        """Close the file; SQLite folds its log into it."""
        self._connection.close()

    def create(self, kind: Kind, body: Json, *, parent: int | None) -> Json:
        """Add a resource.

        Raises:
            Refusal: 409, its name is taken under this parent, or its external id anywhere.
        """
        now = _now()
        try:
            cursor = self._connection.execute(
                "INSERT INTO resource (kind, parent, name, external_id, created, updated, body) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (kind.name, parent, body["name"], body.get("externalId"), now, now, json.dumps(body)),
            )
        except sqlite3.IntegrityError as error:
            raise Refusal(409, f"a {kind.name} with this name or external id already exists") from error
        return self.get([kind], str(cursor.lastrowid))

    def get(self, kinds: Sequence[Kind], resource_id: str) -> Json:
        """Read a resource of one of these kinds.

        Raises:
            Refusal: 404, there is none with this id.
        """
        row = None
        if resource_id.isascii() and resource_id.isdecimal() and len(resource_id) < 10:  # noqa: PLR2004 - the API's ids
            row = self._connection.execute(
                f"SELECT * FROM resource WHERE id = ? AND kind IN {_marks(kinds)}",  # noqa: S608 - only question marks
                (int(resource_id), *(kind.name for kind in kinds)),
            ).fetchone()
        if row is None:
            raise Refusal(404, f"no {_names(kinds)} with id {resource_id}")
        return _resource(row)

    def find(
        self,
        kinds: Sequence[Kind],
        *,
        name: str | None = None,
        external_id: str | None = None,
        parent: int | None = None,
    ) -> list[Json]:
        """List the resources that answer to all of the criteria that are given."""
        return self.page(kinds, Page(), name=name, external_id=external_id, parent=parent)[0]

    def page(
        self,
        kinds: Sequence[Kind],
        page: Page,
        *,
        name: str | None = None,
        external_id: str | None = None,
        parent: int | None = None,
    ) -> tuple[list[Json], str]:
        """List one page of the resources that answer to all of the criteria that are given.

        Returns:
            The page, and the token of the next one; an empty token after the last page.
        """
        criteria = {"parent": parent, "name": name, "external_id": external_id}
        given = {column: value for column, value in criteria.items() if value is not None}
        conditions = [f"kind IN {_marks(kinds)}", *(f"{column} = ?" for column in given), page.condition]
        rows = self._connection.execute(
            # Column names and directions are the page's own constants.
            f"SELECT * FROM resource WHERE {' AND '.join(conditions)} ORDER BY {page.order} LIMIT ?",  # noqa: S608
            (*(kind.name for kind in kinds), *given.values(), *page.values, page.size + 1 if page.size else -1),
        ).fetchall()
        shown = rows[: page.size] if page.size else rows
        token = page.token_after(shown[-1]) if len(rows) > len(shown) else ""
        return [_resource(row) for row in shown], token

    def merge(self, kinds: Sequence[Kind], resource_id: str, changes: Json, *, parent: int | None = None) -> Json:
        """Overwrite the keys that `changes` names, `customProperties` as a whole; a name never changes.

        Args:
            kinds: what the resource may be.
            resource_id: its id.
            changes: checked JSON.
            parent: hang a resource that has no parent under this one.

        Raises:
            Refusal: 404, there is no such resource; 409, the external id is taken.
        """
        current = self.get(kinds, resource_id)
        body = {**current, **changes, "name": current["name"]}
        for column in ("id", "createTimeSinceEpoch", "lastUpdateTimeSinceEpoch"):
            del body[column]
        try:
            self._connection.execute(
                "UPDATE resource SET external_id = ?, parent = coalesce(parent, ?), updated = ?, body = ? WHERE id = ?",
                (body.get("externalId"), parent, _now(), json.dumps(body), int(resource_id)),
            )
        except sqlite3.IntegrityError as error:
            raise Refusal(409, f"the external id or the name of {_names(kinds)} {resource_id} is taken") from error
        return self.get(kinds, resource_id)


def _resource(row: sqlite3.Row) -> Json:
    times = {"createTimeSinceEpoch": str(row["created"]), "lastUpdateTimeSinceEpoch": str(row["updated"])}
    return {**json.loads(row["body"]), "id": str(row["id"]), **times}


def _marks(kinds: Sequence[Kind]) -> str:
    return f"({', '.join('?' * len(kinds))})"


def _names(kinds: Sequence[Kind]) -> str:
    return kinds[0].name if len(kinds) == 1 else "artifact"


def _now() -> int:
    return time.time_ns() // 1_000_000
