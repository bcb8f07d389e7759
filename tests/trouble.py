"""Storage that fails, as a test wants it: the blob store's folder, the journal's database."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg


def break_(folder: Path) -> None:
    """A blob store takes nothing when its drafts have a file in their place."""
    shutil.rmtree(folder / "tmp")
    (folder / "tmp").write_text("")


def mend(folder: Path) -> None:
    (folder / "tmp").unlink()
    (folder / "tmp").mkdir()


@contextmanager
def broken(folder: Path) -> Iterator[None]:
    break_(folder)
    yield
    mend(folder)


@contextmanager
def locked(database: Path | str) -> Iterator[None]:
    """An event log that nobody can write to."""
    if isinstance(database, str):
        with psycopg.connect(database) as connection:
            connection.execute("LOCK TABLE stored_events IN EXCLUSIVE MODE")
            yield
        return
    other = sqlite3.connect(database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield
    other.execute("ROLLBACK")
    other.close()
