"""Databases of other releases: an earlier one's is brought up to date, all or nothing, after a copy was kept.

`PRAGMA user_version` is the number of the last step that was taken. Who changes a table adds a step, and a
database as the release before made it to tests/samples. A step is never changed.
"""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from eventsourcing.persistence import PersistenceError

from infrastructure.durable import Folders
from infrastructure.journal.sqlite import chaining, tables
from infrastructure.journal.sqlite.copying import copy

logger = logging.getLogger(__name__)

VERSION = "PRAGMA user_version"
PATIENCE = 300.0  # seconds for another process that is upgrading the same database
# What a version may say of itself since step 2.
SAID = "forms_sha256 TEXT", "converted_from TEXT", "from_file TEXT", "from_version INTEGER"


def _say_more(connection: sqlite3.Connection) -> None:
    connection.execute(tables.RECEIVERS)
    for column in SAID:
        connection.execute(f"ALTER TABLE versions ADD COLUMN {column}")


STEPS: Sequence[Callable[[sqlite3.Connection], object]] = (
    chaining.chain,  # 1: positions, chains, what is found by time
    _say_more,  # 2: how far webhooks have come, submissions, conversions
)
CURRENT = len(STEPS)
READABLE = 1  # from here on a log can be read as it is


class Unusable(PersistenceError):
    """A database that must be left alone; what to do."""


def upgrade(database: str) -> None:
    """Raises Unusable, OSError, sqlite3.Error."""
    with closing(sqlite3.connect(database, isolation_level=None, timeout=PATIENCE, uri=True)) as connection:
        if not _is_behind(connection):
            return
        connection.execute("BEGIN IMMEDIATE")
        if not _is_behind(connection):  # any more: another process was quicker
            return
        before = _version(connection)
        kept = _keep(Path(database), chaining.ROOM if chaining.is_without_chains(connection) else 0)
        logger.info("the log is brought from schema %d to %d; %s has it as it was", before, CURRENT, kept)
        for step in STEPS[before:]:
            step(connection)
        stamp(connection.cursor())
        connection.execute("COMMIT")
    logger.info("the log is upgraded to schema %d", CURRENT)


def stamp(cursor: Any) -> None:
    """Say that the tables are those of this release; in the transaction that makes them so."""
    cursor.execute(VERSION)
    if cursor.fetchone()[0] != CURRENT:
        cursor.execute(f"PRAGMA user_version = {CURRENT}")


def complaint(connection: sqlite3.Connection) -> str:
    """Why a log cannot be read as it is, and what to do; empty if it can."""
    version = _version(connection)
    if version > CURRENT:
        return f"is of a newer release (schema {version}; this one knows {CURRENT}); use that release"
    if version < READABLE and chaining.is_without_chains(connection):
        return "is of an earlier release; start the service once to upgrade it"
    return ""


def _is_behind(connection: sqlite3.Connection) -> bool:
    """Raises Unusable for one that is ahead."""
    version = _version(connection)
    if version > CURRENT:
        raise Unusable(
            f"it {complaint(connection)}, or restore a backup made with this one. Nothing was changed"
        )
    is_log = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'stored_events'").fetchone()
    return version < CURRENT and is_log is not None


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute(VERSION).fetchone()[0]
    return version


def _keep(database: Path, room: int) -> Path:
    """A copy beside it; the write lock is ours, so that it lacks nothing. Raises Unusable, OSError."""
    kept = database.with_name(f"{database.name}.before-{CURRENT}")
    draft = kept.with_name(f"{kept.name}.draft")
    size = sum(path.stat().st_size for path in (database, _wal(database)) if path.exists())
    needed = size * (1 + room)
    free = shutil.disk_usage(database.parent).free
    if free < needed:
        raise Unusable(
            f"to be upgraded, with a copy kept, it needs {_mega(needed)} on its disk, and {_mega(free)} are"
            f" free. Nothing was changed: make room, or move {_mega(needed)} elsewhere"
        )
    try:
        copy(database, draft)
        draft.replace(kept)
    finally:
        draft.unlink(missing_ok=True)
    Folders(os.fsync).sync(database.parent)
    return kept


def _wal(database: Path) -> Path:
    return database.with_name(f"{database.name}-wal")


def _mega(size: int) -> str:
    return f"{-(-size // 1_000_000)} MB"
