"""The library's SQLite event store, with our tables. Blocking."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeVar

from eventsourcing.persistence import StoredEvent
from eventsourcing.sqlite import (
    SQLiteApplicationRecorder,
    SQLiteConnection,
    SQLiteConnectionPool,
    SQLiteCursor,
    SQLiteFactory,
)
from eventsourcing.utils import Environment, EnvType

from application.journal import Recorded
from application.nodes import shard_of
from infrastructure.databases import connected
from infrastructure.journal import events_table
from infrastructure.journal.finding import Search
from infrastructure.journal.ledger import Entry, Ledger
from infrastructure.journal.queries import recorded
from infrastructure.journal.sqlite import tables, upgrading
from infrastructure.journal.sqlite.drafting import Draft, insert

T = TypeVar("T")

LOCKED = 5.0  # seconds that a lock of somebody else's is waited for


class SqliteRecorder(SQLiteApplicationRecorder):
    def construct_create_table_statements(self) -> list[str]:
        return [*tables.TABLES]

    def create_table(self) -> None:
        upgrading.upgrade(self.datastore.pool.db_name)
        super().create_table()

    def _create_table(self, c: SQLiteCursor) -> None:
        super()._create_table(c)
        for index in tables.INDEXES:
            c.execute(index)
        upgrading.stamp(c)

    def _insert_events(
        self, c: SQLiteCursor, stored_events: Sequence[StoredEvent], **kwargs: Any
    ) -> Sequence[int] | None:
        entries: Sequence[Entry] = kwargs["entries"]
        c.execute(tables.LOCK)
        c.executemany(events_table.REWRITE, kwargs.get("rewritten", ()))
        return insert(c.sqlite_cursor, entries)

    def query(self, sql: str, parameters: Sequence[Any], read: Callable[[Any], T]) -> list[T]:
        with self.datastore.transaction(commit=False) as c:
            c.execute(sql, parameters)
            return [read(row) for row in c.fetchall()]

    def search(self, wanted: Search) -> list[Recorded]:
        with self.datastore.transaction(commit=False) as c:
            return [recorded(row) for row in wanted.run(c)]

    def open_states(self, shards: Collection[int]) -> list[tuple[str, str]]:
        states = self.query(tables.OPEN_STATES, (), itemgetter("key", "state"))
        return [(key, state) for key, state in states if shard_of(key) in shards]

    def note(self, work: Callable[[Any], T]) -> T:
        with self.datastore.transaction(commit=True) as c:
            c.execute(tables.LOCK)
            return work(c)


class SqlitePool(SQLiteConnectionPool):
    """The library's connections keep one prepared statement each (`cached_statements=True`), Python's 128."""

    def _create_connection(self) -> SQLiteConnection:
        """Raises sqlite3.Error."""
        connection = connected(Path(self.db_name), LOCKED, mode="rwc", shared=True)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.row_factory = sqlite3.Row
        return SQLiteConnection(connection, self.max_age)


class SqliteFactory(SQLiteFactory):
    application_recorder_class = SqliteRecorder

    def __init__(self, env: Environment | EnvType | None) -> None:
        super().__init__(env)
        self.datastore.pool = SqlitePool(db_name=self.datastore.pool.db_name)


class SqliteLedger(Ledger):
    """WAL and synchronous=FULL: committed means synced."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        environment = {
            "PERSISTENCE_MODULE": "infrastructure.journal.sqlite.ledger:SqliteFactory",
            "SQLITE_DBNAME": str(path),
            "ORIGINATOR_ID_TYPE": "text",
        }
        super().__init__(environment)
        self._draft = Draft(path)

    @property
    def draft(self) -> Draft:
        return self._draft

    def close(self) -> None:
        self._draft.drop()
        super().close()

    @property
    def views(self) -> SqliteRecorder:
        assert isinstance(self.recorder, SqliteRecorder)
        return self.recorder
