"""What a check asks of a log in SQLite."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from infrastructure.evidence.inspecting import CannotCheck, Damaged, Inspection
from infrastructure.journal.sqlite import upgrading

PATIENCE = 30.0  # seconds for who holds the whole database
NOT_NOW = (
    "SQLITE_BUSY",
    "SQLITE_LOCKED",
    "SQLITE_CANTOPEN",
    "SQLITE_PERM",
    "SQLITE_READONLY",
    "SQLITE_NOMEM",
)
COLUMNS = "SELECT name FROM pragma_table_info('stored_events')"
WHOLE = "PRAGMA quick_check(20)"
GIVEN = "SELECT seq FROM sqlite_sequence WHERE name = 'stored_events'"


class InSqlite:
    given = GIVEN

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, sql: str, *parameters: Any) -> list[Any]:
        with _damage():
            return self._connection.execute(sql, parameters).fetchall()

    def flaws(self) -> list[str]:
        return [word for (word,) in self.rows(WHOLE) if word != "ok"]


@contextmanager
def inspection(path: Path) -> Iterator[Inspection]:
    """Raises CannotCheck, Damaged."""
    if not path.is_file():
        raise CannotCheck(f"there is no database at {path}")
    with _damage():
        connection = sqlite3.connect(_address(path), uri=True, isolation_level=None, timeout=PATIENCE)
    with closing(connection):
        connection.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
        with _damage():
            connection.execute("BEGIN")
            columns = {name for (name,) in connection.execute(COLUMNS)}
            complaint = upgrading.complaint(connection)
        if not columns:
            raise CannotCheck(f"{path} holds no log")
        if complaint:
            raise CannotCheck(f"{path} {complaint}")
        yield Inspection(InSqlite(connection))


@contextmanager
def _damage() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, UnicodeError) as trouble:  # a spoilt schema has spoilt names
        if getattr(trouble, "sqlite_errorname", "").startswith(NOT_NOW):
            raise CannotCheck(f"the database cannot be read now: {trouble}") from trouble
        raise Damaged(str(trouble)) from trouble


def _address(path: Path) -> str:
    """A copy on a medium that cannot be written to has no -wal, and can get none."""
    frozen = not os.access(path.parent, os.W_OK) and not path.with_name(f"{path.name}-wal").exists()
    return f"{path.absolute().as_uri()}?{'immutable=1' if frozen else 'mode=ro'}"
