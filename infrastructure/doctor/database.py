"""A look at a log's database in SQLite beside whoever uses it, and at what is open in any log. Blocking."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from application.doctor.seen import Database
from infrastructure.databases import connected
from infrastructure.journal.queries import marks
from infrastructure.journal.reading import snapshot

QUICK = 5.0  # seconds for a look through the whole file
BUSY = 3.0  # seconds for a lock
STEPS = 10_000  # of SQLite's machine between two looks at the clock
AT_ONCE = 500
FACTS = "SELECT count(*), coalesce(max(position), 0) FROM stored_events"
COVERED = "SELECT coalesce(max(position), 0) FROM checkpoints"
BEYOND = "SELECT at FROM stored_events WHERE position > ? ORDER BY position LIMIT 1"
OPEN = "SELECT key FROM documents WHERE state <> 'closed' ORDER BY opened_at DESC LIMIT 10"


def database(path: Path, now: datetime) -> Database:
    if not path.exists():
        return Database(str(path), exists=False)
    seen = Database(str(path), size=path.stat().st_size, wal=_size(path.with_name(f"{path.name}-wal")))
    try:
        with closing(connected(path, BUSY)) as connection:
            seen = _read(connection, seen, now)
    except sqlite3.Error as trouble:
        return replace(seen, unreadable=str(trouble))
    return replace(seen, unwritable=_unwritable(path))


def open_keys(place: Path | str) -> Sequence[str]:
    """Raises CannotRead."""
    with snapshot(place, BUSY) as log:
        return [key for (key,) in log.execute(OPEN)]


def known_keys(place: Path | str, keys: Sequence[str]) -> int:
    """How many of these are ours. Raises CannotRead."""
    known = 0
    with snapshot(place, BUSY) as log:
        for start in range(0, len(keys), AT_ONCE):
            some = keys[start : start + AT_ONCE]
            sql = f"SELECT count(*) FROM documents WHERE key IN ({marks(some)})"  # noqa: S608 (question marks)
            known += log.execute(sql, some).fetchone()[0]
    return known


def _read(connection: sqlite3.Connection, seen: Database, now: datetime) -> Database:
    (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    facts, last = connection.execute(FACTS).fetchone()
    (covered,) = connection.execute(COVERED).fetchone()
    first = connection.execute(BEYOND, (covered,)).fetchone()
    flaw, whole = _flaw(connection)
    return replace(
        seen,
        mode=mode,
        facts=facts,
        uncovered=max(0, last - covered),
        uncovered_for=now - datetime.fromisoformat(first[0]).astimezone(UTC) if first else timedelta(0),
        flaw=flaw,
        whole=whole,
    )


def _flaw(connection: sqlite3.Connection) -> tuple[str, bool]:
    """The first thing that SQLite finds wrong, and whether it came to the end."""
    end = time.monotonic() + QUICK
    connection.set_progress_handler(lambda: time.monotonic() > end, STEPS)
    try:
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as trouble:
        if getattr(trouble, "sqlite_errorname", "") != "SQLITE_INTERRUPT":
            raise
        return "", False
    finally:
        connection.set_progress_handler(None, 0)
    return ("", True) if found == "ok" else (found, True)


def _unwritable(path: Path) -> str:
    try:
        with closing(connected(path, BUSY, mode="rw")) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
    except sqlite3.Error as trouble:
        return str(trouble)
    return ""


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
