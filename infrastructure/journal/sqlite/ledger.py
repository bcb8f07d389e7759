"""The library's SQLite event store, with our tables. Blocking."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeVar

from eventsourcing.persistence import StoredEvent
from eventsourcing.sqlite import SQLiteApplicationRecorder, SQLiteCursor, SQLiteFactory

from application.journal import Recorded
from application.nodes import shard_of
from infrastructure.journal import events_table
from infrastructure.journal.finding import Search
from infrastructure.journal.ledger import Entry, Ledger
from infrastructure.journal.queries import recorded
from infrastructure.journal.recording import read_off, rows
from infrastructure.journal.sqlite import tables, upgrading

T = TypeVar("T")


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
        positions = [_insert(c, row) for row in rows(entries, lambda *at: events_table.link_of(c, *at))]
        read_off(c, entries, positions)
        return positions

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


def _insert(c: SQLiteCursor, row: Sequence[Any]) -> int:
    c.execute(events_table.INSERT, row)
    position: int = c.lastrowid
    return position


class SqliteFactory(SQLiteFactory):
    application_recorder_class = SqliteRecorder


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

    @property
    def views(self) -> SqliteRecorder:
        assert isinstance(self.recorder, SqliteRecorder)
        return self.recorder
