"""A log in SQLite, read beside whoever uses it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from infrastructure.databases import CannotRead, connected
from infrastructure.journal.sqlite import upgrading


class SqliteSnapshot:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> sqlite3.Cursor:
        return self._connection.execute(sql, parameters)

    def stream(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[Any]:
        return iter(self._connection.execute(sql, parameters))


@contextmanager
def snapshot(path: Path, wait: float) -> Iterator[SqliteSnapshot]:
    """`wait` is in seconds, for a lock. Raises CannotRead."""
    if not path.is_file():
        raise CannotRead(f"There is no log at {path}. Is DOCLEDGER_DATA_DIR the service's?")
    try:
        with closing(connected(path, wait)) as connection:
            connection.row_factory = sqlite3.Row
            connection.execute("BEGIN")
            if complaint := upgrading.complaint(connection):
                raise CannotRead(f"The database {path} {complaint}.")
            yield SqliteSnapshot(connection)
    except sqlite3.Error as trouble:
        raise CannotRead(f"The database {path} cannot be read: {trouble}") from trouble
