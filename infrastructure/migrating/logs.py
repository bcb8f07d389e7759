"""A log as it is at one moment, to be copied whatever is recorded meanwhile. Blocking."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection

from infrastructure.databases import Snapshot, connected, in_a_line
from infrastructure.journal.postgres import upgrading as postgres
from infrastructure.journal.postgres.connections import told
from infrastructure.journal.postgres.dialect import translated
from infrastructure.journal.postgres.reading import BESIDE
from infrastructure.journal.reading import snapshot
from infrastructure.journal.sqlite import upgrading as sqlite
from infrastructure.journal.sqlite.reading import SqliteSnapshot
from infrastructure.store_urls import without_password

Row = tuple[Any, ...]

SLOW = 300.0  # seconds that a database may take for one answer
LOOKS = 4  # for others, a quarter of a second apart
COPYING = "docledger copying"  # as which we connect to PostgreSQL
# Of one that has died on another machine the server notices it, and gives its lock to the next.
SETTINGS = f"""SELECT set_config('statement_timeout', '{SLOW:.0f}s', false),
    set_config('lock_timeout', '30s', false), set_config('tcp_keepalives_idle', '10', false),
    set_config('tcp_keepalives_interval', '5', false), set_config('tcp_keepalives_count', '3', false)"""
OTHERS = """SELECT DISTINCT application_name FROM pg_stat_activity WHERE datname = current_database()
    AND usename = current_user AND application_name NOT IN (?, ?)"""
VERSIONS = (sqlite.VERSION, sqlite.CURRENT), (postgres.VERSION, postgres.CURRENT)
LAST = "SELECT coalesce(max(position), 0) FROM stored_events"
GIVEN = "SELECT seq FROM sqlite_sequence WHERE name = 'stored_events'", LAST


class CannotCopy(Exception):
    """Why, and what to do."""


@contextmanager
def writing(name: str) -> Iterator[None]:
    """Raises CannotCopy."""
    try:
        yield
    except (psycopg.DataError, psycopg.IntegrityError, sqlite3.IntegrityError, TypeError) as trouble:
        raise CannotCopy(
            f"{name} cannot hold what is in the source: {in_a_line(trouble)}. `docledger verify` says what is"
            " wrong there."
        ) from trouble
    except (psycopg.Error, sqlite3.Error) as trouble:
        raise CannotCopy(
            f"{name} cannot be written to: {in_a_line(trouble)}. What was copied need not be copied again:"
            " run this again."
        ) from trouble


class Log:
    """Raises CannotRead, sqlite3.Error, psycopg.Error, whatever is asked of it."""

    def __init__(self, place: Path | str, snapshot: Snapshot, *, alone: bool = False) -> None:
        self.place, self.name = place, without_password(str(place))
        self.alone = alone  # nobody else has it open
        self._snapshot = snapshot
        self._in_postgres = isinstance(place, str)

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[Row]:
        return map(tuple, self._snapshot.stream(sql, parameters))

    def number(self, sql: str) -> int:
        return int(next(self.rows(sql), (0,))[0])

    def last(self) -> int:
        return self.number(LAST)

    def given(self) -> int:
        """The last position that was ever given to a fact."""
        return self.number(GIVEN[self._in_postgres])

    def refuse_other_schemas(self) -> None:
        """Raises CannotCopy."""
        sql, current = VERSIONS[self._in_postgres]
        if self.number(sql) != current:
            raise CannotCopy(f"{self.name} is of an earlier release: start the service once to upgrade it.")


@contextmanager
def opened(place: Path | str) -> Iterator[Log]:
    """Raises CannotRead."""
    with snapshot(place, SLOW) as found:
        yield Log(place, found)


@contextmanager
def held(place: Path | str) -> Iterator[Log]:
    """Where nobody else has it open, nobody can open one in SQLite meanwhile; nothing is written either
    way. Raises CannotRead, CannotCopy, psycopg.Error.
    """
    if isinstance(place, Path) and (connection := _alone(place)):
        with closing(connection):
            log = Log(place, SqliteSnapshot(connection), alone=True)
            log.refuse_other_schemas()
            yield log
        return
    with snapshot(place, SLOW) as found:
        log = Log(place, found, alone=isinstance(place, str) and not users_of(place))
        log.refuse_other_schemas()
        yield log


def is_left_alone(log: Log) -> bool:
    """Whether it still is what it was when we began, and nobody else has it open.

    Raises CannotRead, psycopg.Error.
    """
    if not log.alone or isinstance(log.place, Path):
        return log.alone
    with opened(log.place) as now:
        return now.last() == log.last() and not users_of(log.place)


def users_of(url: str) -> list[str]:
    """The names of programs that have a database in PostgreSQL open, but for those that read or copy.

    One that has just ended is given a moment to be forgotten. Raises psycopg.Error.
    """
    names: list[str] = []
    with closing(connect(url)) as connection:
        for _ in range(LOOKS):
            names = [name for (name,) in connection.execute(translated(OTHERS).encode(), (COPYING, BESIDE))]
            if not names:
                break
            connection.execute("SELECT pg_sleep(0.25)")
    return names


def connect(url: str) -> Connection[Any]:
    """Raises psycopg.Error."""
    connection = psycopg.connect(**{**told(url), "application_name": COPYING}, autocommit=True)
    connection.execute(SETTINGS.encode())
    return connection


def _alone(path: Path) -> sqlite3.Connection | None:
    """Every connection, even an idle one, has a lock on the file that keeps us from having it alone."""
    if not path.is_file():
        return None
    connection = connected(path, 0, mode="rw")
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError:  # somebody has it open; or we may not write there
        connection.close()
        return None
    return connection
