"""A copy of a database as it is at one moment, while others go on writing to it. Blocking."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from infrastructure.databases import connected

PAGES = 4096  # between two words on the progress
PATIENCE = 30.0  # seconds for who holds the whole database

Progress = Callable[[int, int], None]  # pages done, pages in all


def copy(source: Path, target: Path, progress: Progress = lambda done, all_: None) -> None:
    """One file, synced, for nobody else to read; what was there is replaced. Raises OSError, sqlite3.Error.

    The source is read in one transaction, which in WAL mode holds no writer up, and keeps the copy from
    beginning again whenever somebody writes.
    """
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600))
    with (
        closing(connected(source, PATIENCE)) as original,
        closing(sqlite3.connect(target, isolation_level=None)) as copied,
    ):
        original.execute("BEGIN")
        original.execute("SELECT 1 FROM sqlite_schema").fetchone()
        copied.execute("PRAGMA synchronous = OFF")  # it is synced once, as a whole
        original.backup(
            copied, pages=PAGES, progress=lambda _, left, pages: progress(pages - left, pages), sleep=0
        )
        copied.execute("PRAGMA journal_mode = DELETE")  # so that it needs no other files beside it
    with target.open("rb") as file:
        os.fsync(file.fileno())
