"""A log's database as somebody sees it who may write to it, in SQLite and in PostgreSQL alike."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg

from infrastructure.journal.postgres.dialect import OurCursor
from infrastructure.journal.postgres.dialect import rows as by_name

Place = Path | str
REFUSED = (sqlite3.IntegrityError, psycopg.IntegrityError, psycopg.DataError)
BYTES = re.compile(r"x'(\w*)'")


class Cursor(OurCursor):
    """Takes SQLite's bytes as well."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        if isinstance(query, str):
            query = BYTES.sub(r"'\\x\1'::bytea", query)
        return super().execute(query, params, **options)


@contextmanager
def raw(place: Place) -> Iterator[Any]:
    """A connection whose rows have their columns by place and by name; what was done is committed."""
    if isinstance(place, str):
        with psycopg.connect(place, cursor_factory=Cursor, row_factory=by_name) as connection:
            yield connection
        return
    with closing(sqlite3.connect(place)) as database, database:
        database.row_factory = sqlite3.Row
        yield database


def vacuum(place: Place) -> None:
    """Which neither database does within a transaction."""
    database: Any = (
        psycopg.connect(place, autocommit=True)
        if isinstance(place, str)
        else sqlite3.connect(place, isolation_level=None)
    )
    with closing(database):
        database.execute("VACUUM")


def execute(place: Place, sql: str, parameters: Sequence[Any] = ()) -> None:
    with raw(place) as database:
        database.execute(sql, parameters)


def rows(place: Place, sql: str) -> list[Any]:
    with raw(place) as database:
        return list(database.execute(sql).fetchall())


def replace(place: Place, old: str, new: str, topic: str) -> None:
    """In the texts of all facts of a type."""
    found = "SELECT position, state FROM stored_events WHERE topic = ?"
    with raw(place) as database:
        for position, state in database.execute(found, (topic,)).fetchall():
            changed = bytes(state).replace(old.encode(), new.encode())
            database.execute("UPDATE stored_events SET state = ? WHERE position = ?", (changed, position))


def variables(place: Place) -> dict[str, str]:
    """Settings of a service whose log is there."""
    return {"DATABASE_URL": place if isinstance(place, str) else f"sqlite:///{place}"}
