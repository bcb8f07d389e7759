"""The library's SQLite event store, with our columns and read models inside its transactions. Blocking."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from eventsourcing.application import Application
from eventsourcing.persistence import IntegrityError, Mapper, StoredEvent
from eventsourcing.sqlite import SQLiteApplicationRecorder, SQLiteCursor, SQLiteFactory

from application.causes import abridged
from application.changes import Change, DocumentChange, file_of, stream_of
from application.journal import Recorded
from application.people import introduced, named_in
from infrastructure.journal import events_table, places, seals, upgrading
from infrastructure.journal.finding import Search
from infrastructure.journal.mapper import Envelope, FactMapper
from infrastructure.journal.queries import recorded
from infrastructure.journal.views import INDEXES, TABLES, project

T = TypeVar("T")
Rewrite = tuple[bytes, bytes | None, bytes, int]  # new state, new cause, digest of the first, position


@dataclass(frozen=True, slots=True)
class Beside:
    """What is stored with a fact, besides what the library stores."""

    at: str
    file: str | None
    users: frozenset[str]
    cause: bytes | None


@dataclass(frozen=True, slots=True)
class Entry:
    """Changes with their facts made ready for the store, to be recorded together."""

    changes: Sequence[Change]
    stored: Sequence[StoredEvent]
    beside: Sequence[Beside]
    names: Mapping[str, str]


class LedgerRecorder(SQLiteApplicationRecorder):
    def construct_create_table_statements(self) -> list[str]:
        return [events_table.TABLE, *events_table.OTHERS, *TABLES, places.TABLE]

    def create_table(self) -> None:
        upgrading.upgrade(self.datastore.pool.db_name)
        super().create_table()

    def _create_table(self, c: SQLiteCursor) -> None:
        super()._create_table(c)
        for index in (*INDEXES, *events_table.INDEXES):
            c.execute(index)
        upgrading.stamp(c)

    def _insert_events(
        self, c: SQLiteCursor, stored_events: Sequence[StoredEvent], **kwargs: Any
    ) -> Sequence[int] | None:
        entries: Sequence[Entry] = kwargs["entries"]
        c.execute(events_table.LOCK)
        c.executemany(events_table.REWRITE, kwargs.get("rewritten", ()))
        links: dict[tuple[str, int], bytes] = {}  # of facts in this transaction
        positions = [
            _insert(c, links, event, beside)
            for entry in entries
            for event, beside in zip(entry.stored, entry.beside, strict=True)
        ]
        times = [beside.at for entry in entries for beside in entry.beside]
        events_table.span(c, zip(positions, times, strict=True))
        for entry in entries:
            c.executemany(events_table.PERSON, entry.names.items())
            for change in entry.changes:
                project(c, change)
        return positions

    def query(self, sql: str, parameters: Sequence[Any], read: Callable[[Any], T]) -> list[T]:
        with self.datastore.transaction(commit=False) as c:
            c.execute(sql, parameters)
            return [read(row) for row in c.fetchall()]

    def note(self, work: Callable[[SQLiteCursor], T]) -> T:
        with self.datastore.transaction(commit=True) as c:
            c.execute(events_table.LOCK)
            return work(c)

    def search(self, wanted: Search) -> list[Recorded]:
        with self.datastore.transaction(commit=False) as c:
            return [recorded(row) for row in wanted.run(c)]


def _insert(c: SQLiteCursor, links: dict[tuple[str, int], bytes], event: StoredEvent, beside: Beside) -> int:
    """The primary key refuses a number that is taken, and the chain one that leaves a hole."""
    stream, number = str(event.originator_id), event.originator_version
    before = seals.START if number == 1 else links.get((stream, number - 1))
    before = before or events_table.link_of(c, stream, number - 1)
    if before is None:
        raise IntegrityError(f"{stream} has no fact number {number - 1}")
    salt = seals.new_salt()
    link = seals.link(before, stream, number, event.topic, seals.digest(salt, event.state, beside.cause))
    links[stream, number] = link
    row = (stream, number, event.topic, event.state, beside.cause, beside.at, beside.file, salt, link)
    c.execute(events_table.INSERT, row)
    position: int = c.lastrowid
    c.executemany(events_table.NAMED, [(user, position) for user in beside.users])
    return position


class LedgerFactory(SQLiteFactory):
    application_recorder_class = LedgerRecorder


class Ledger(Application[str]):
    """All streams of one database; WAL and synchronous=FULL: committed means synced."""

    name = "ledger"

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        environment = {
            "PERSISTENCE_MODULE": "infrastructure.journal.ledger:LedgerFactory",
            "SQLITE_DBNAME": str(path),
            "ORIGINATOR_ID_TYPE": "text",
        }
        super().__init__(environment)

    def construct_mapper(self) -> Mapper[str]:
        return self.factory.mapper(transcoder=self.construct_transcoder(), mapper_class=FactMapper)

    def entry(self, changes: Sequence[Change]) -> Entry:
        stored, beside = [], []
        for change in changes:
            stream = stream_of(change)
            for number, event in enumerate(change.events, start=change.after + 1):
                stored.append(self.mapper.to_stored_event(Envelope(stream, number, event)))
            beside += _beside(change)
        names = introduced(event for change in changes for event in change.events)
        return Entry(changes, stored, beside, names)

    def record(self, entries: Sequence[Entry], rewritten: Sequence[Rewrite] = ()) -> None:
        """One transaction. Raises the library's IntegrityError when any stream has moved on."""
        stored = [event for entry in entries for event in entry.stored]
        self.recorder.insert_events(stored, entries=entries, rewritten=rewritten)

    @property
    def views(self) -> LedgerRecorder:
        assert isinstance(self.recorder, LedgerRecorder)
        return self.recorder


def _beside(change: Change) -> list[Beside]:
    cause = None
    if isinstance(change, DocumentChange) and change.cause is not None:
        cause = json.dumps(abridged(change.cause, change.events), separators=(",", ":")).encode()
    causes = [cause, *[None] * (len(change.events) - 1)]
    return [
        Beside(events_table.stamp(fact.at), file, named_in(fact), cause)
        for fact, file, cause in zip(change.events, file_of(change), causes, strict=True)
    ]
