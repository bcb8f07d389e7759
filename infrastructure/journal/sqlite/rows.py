"""Single rows, read on the event loop from a connection of our own.

A row by its key is in the page cache and takes tens of microseconds; the hop to a thread and back
takes several times that. In WAL mode a reader waits for no writer, and this one waits for nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from infrastructure.databases import connected

T = TypeVar("T")


class Rows:
    def __init__(self, path: Path) -> None:
        """The database must exist. Raises sqlite3.Error."""
        self._connection = connected(path, 0, shared=True)
        self._connection.row_factory = sqlite3.Row

    def one(self, sql: str, parameters: Sequence[Any], read: Callable[[Any], T]) -> T | None:
        """Raises sqlite3.OperationalError at once where it would have to wait."""
        row = self._connection.execute(sql, parameters).fetchone()
        return None if row is None else read(row)

    def close(self) -> None:
        self._connection.close()
