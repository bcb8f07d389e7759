"""The library's SQLite event store, with our read models inside its transactions. Blocking."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from eventsourcing.application import Application
from eventsourcing.persistence import IntegrityError, Mapper, StoredEvent
from eventsourcing.sqlite import SQLiteApplicationRecorder, SQLiteCursor, SQLiteFactory

from application.journal import Change, DocumentChange
from infrastructure.journal.mapper import Envelope, FactMapper
from infrastructure.journal.views import ADDED_COLUMNS, TABLES, project

T = TypeVar("T")


def stream(change: Change) -> str:
    return f"document/{change.key}" if isinstance(change, DocumentChange) else f"file/{change.id}"


@dataclass(frozen=True, slots=True)
class Entry:
    """Changes with their facts made ready for the store, to be recorded together."""

    changes: Sequence[Change]
    stored: Sequence[StoredEvent]


class ViewRecorder(SQLiteApplicationRecorder):
    def construct_create_table_statements(self) -> list[str]:
        return [*super().construct_create_table_statements(), *TABLES]

    def create_table(self) -> None:
        super().create_table()
        with self.datastore.transaction(commit=True) as c:
            for table, column, kind in ADDED_COLUMNS:
                c.execute("SELECT 1 FROM pragma_table_info(?) WHERE name = ?", (table, column))
                if c.fetchone() is None:
                    c.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")

    def _insert_events(
        self, c: SQLiteCursor, stored_events: Sequence[StoredEvent], **kwargs: Any
    ) -> Sequence[int] | None:
        positions = super()._insert_events(c, stored_events, **kwargs)
        changes: Sequence[Change] = kwargs["changes"]
        for change in changes:
            self._check_no_gap(c, change)
            project(c, change)
        return positions

    def _check_no_gap(self, c: SQLiteCursor, change: Change) -> None:
        """The primary key refuses a number that is taken, but not one that leaves a hole."""
        if change.after:
            sql = "SELECT 1 FROM stored_events WHERE originator_id = ? AND originator_version = ?"
            c.execute(sql, (stream(change), change.after))
            if c.fetchone() is None:
                raise IntegrityError(f"{stream(change)} has no fact number {change.after}")

    def query(self, sql: str, parameters: Sequence[Any], read: Callable[[Any], T]) -> list[T]:
        with self.datastore.transaction(commit=False) as c:
            c.execute(sql, parameters)
            return [read(row) for row in c.fetchall()]


class ViewFactory(SQLiteFactory):
    application_recorder_class = ViewRecorder


class Ledger(Application[str]):
    """All streams of one database; WAL and synchronous=FULL: committed means synced."""

    name = "ledger"

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        environment = {
            "PERSISTENCE_MODULE": "infrastructure.journal.ledger:ViewFactory",
            "SQLITE_DBNAME": str(path),
            "ORIGINATOR_ID_TYPE": "text",
        }
        super().__init__(environment)

    def construct_mapper(self) -> Mapper[str]:
        return self.factory.mapper(transcoder=self.construct_transcoder(), mapper_class=FactMapper)

    def entry(self, changes: Sequence[Change]) -> Entry:
        envelopes = [
            Envelope(stream(change), number, event)
            for change in changes
            for number, event in enumerate(change.events, start=change.after + 1)
        ]
        return Entry(changes, [self.mapper.to_stored_event(envelope) for envelope in envelopes])

    def record(self, entries: Sequence[Entry]) -> None:
        """One transaction. Raises the library's IntegrityError when any stream has moved on."""
        stored = [event for entry in entries for event in entry.stored]
        self.recorder.insert_events(stored, changes=[change for entry in entries for change in entry.changes])

    @property
    def views(self) -> ViewRecorder:
        assert isinstance(self.recorder, ViewRecorder)
        return self.recorder
