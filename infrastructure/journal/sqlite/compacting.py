"""A database in SQLite rid of what was overwritten in it. Blocking."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

HELD_BACK = (
    "The old text is still in the database's write-ahead log, because somebody reads what was before: an"
    " export, a backup, a shell. Run this again when they are done."
)


def compact(database: Path, patience: float) -> str:
    """Why old texts are still in its files; empty if its free pages and its write-ahead log are rid of them.

    Raises sqlite3.Error.
    """
    with closing(sqlite3.connect(database, timeout=patience, isolation_level=None)) as connection:
        connection.execute("VACUUM")
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return HELD_BACK if busy else ""
