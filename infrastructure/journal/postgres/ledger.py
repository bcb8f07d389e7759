"""The library's PostgreSQL event store, with our tables. Blocking.

A transaction that failed is tried again while there is hope; where its commit may have been cut off, the
salts of its facts tell whether it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from operator import itemgetter
from typing import Any, TypeVar

from eventsourcing.persistence import InterfaceError, OperationalError, StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresFactory
from eventsourcing.utils import Environment, EnvType
from psycopg.errors import LockNotAvailable

from application.journal import Recorded
from infrastructure.journal import events_table
from infrastructure.journal.finding import Search
from infrastructure.journal.ledger import Entry, Ledger, Rewrite
from infrastructure.journal.postgres import tables
from infrastructure.journal.postgres.connections import Datastore
from infrastructure.journal.postgres.upgrading import prepare
from infrastructure.journal.queries import recorded
from infrastructure.journal.recording import read_off, rows

T = TypeVar("T")

LOST = (OperationalError, InterfaceError)
PAUSE = 0.1  # seconds between two attempts
WRITING = 8.0  # seconds in which a transaction is tried again: a standby that takes over needs some
READING = 2.0  # seconds, likewise
NEVER = float("-inf")
REST = 1.0  # seconds in which a database that has not answered is not asked again


class PostgresRecorder(PostgresApplicationRecorder):
    def __init__(self, datastore: Any, *, events_table_name: str) -> None:
        super().__init__(datastore, events_table_name=events_table_name)
        self._down_at = NEVER
        self._writing_since: float | None = None  # in vain

    def create_table(self) -> None:
        """`upgrading.prepare` has made all tables."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        entries: Sequence[Entry] = kwargs["entries"]
        began = self._writing_since or time.monotonic()
        doubtful = False
        while True:
            try:
                if not (doubtful and self._has(entries[0])):
                    self._insert(entries, kwargs.get("rewritten", ()))
            except LOST as trouble:
                if time.monotonic() - began > WRITING:
                    self._writing_since = began  # the next one gets one attempt, until one succeeds
                    raise OperationalError(str(trouble)) from trouble
                doubtful = True
                if isinstance(trouble.__cause__, LockNotAvailable):
                    self._end_silence()
                time.sleep(PAUSE)
            else:
                self._writing_since, self._down_at = None, NEVER
                return None

    def _end_silence(self) -> None:
        """Another node may have been stopped while it had the lock of all."""
        with suppress(*LOST), self.datastore.get_connection() as connection:
            connection.execute(tables.END_SILENCE)

    def _insert(self, entries: Sequence[Entry], rewritten: Sequence[Rewrite]) -> None:
        count = sum(len(entry.stored) for entry in entries)
        with (
            self.datastore.get_connection() as connection,
            connection.pipeline() as pipeline,
            connection.transaction(),
        ):
            last: Any = connection.cursor()
            before: Any = connection.cursor()
            cursor = connection.cursor()
            cursor.execute(tables.LOCK)
            last.execute(tables.LAST)
            before.execute(tables.LINKS, _before(entries))
            first = last.fetchone()[0] + 1
            links: dict[tuple[str, int], bytes] = {(row[0], row[1]): row[2] for row in before.fetchall()}
            positions = range(first, first + count)
            cursor.executemany(events_table.REWRITE, rewritten)
            facts = rows(entries, lambda stream, number: links.get((stream, number)))
            columns = zip(
                *((position, *row) for position, row in zip(positions, facts, strict=True)), strict=True
            )
            cursor.execute(tables.INSERT, [list(column) for column in columns])
            read_off(cursor, entries, positions)
            cursor.execute(tables.TELL)
            pipeline.sync()

    def _has(self, entry: Entry) -> bool:
        """Whether it was recorded, and with it all of its transaction."""
        event = entry.stored[0]
        with self.datastore.get_connection() as connection:
            found = connection.execute(
                tables.SALT, (event.originator_id, event.originator_version)
            ).fetchone()
        return found is not None and found["salt"] == entry.beside[0].salt

    def query(self, sql: str, parameters: Sequence[Any], read: Callable[[Any], T]) -> list[T]:
        return self._read(lambda cursor: [read(row) for row in cursor.execute(sql, parameters).fetchall()])

    def search(self, wanted: Search) -> list[Recorded]:
        return self._read(lambda cursor: [recorded(row) for row in wanted.run(cursor)])

    def open_states(self, shards: Collection[int]) -> list[tuple[str, str]]:
        return self.query(tables.OPEN_STATES, ([*shards],), itemgetter("key", "state"))

    def note(self, work: Callable[[Any], T]) -> T:
        with self.datastore.transaction(commit=True) as cursor:
            cursor.execute(tables.LOCK)
            return work(cursor)

    def _read(self, work: Callable[[Any], T]) -> T:
        began = time.monotonic()
        if began - self._down_at < REST:
            raise OperationalError("it did not answer a moment ago")
        while True:
            try:
                with self.datastore.get_connection() as connection:
                    return work(connection.cursor())
            except LOST as trouble:  # an idle connection may have broken, or all of them
                if time.monotonic() - began > READING:
                    self._down_at = time.monotonic()
                    raise OperationalError(str(trouble)) from trouble
            time.sleep(PAUSE)


def _before(entries: Sequence[Entry]) -> tuple[list[str], list[int]]:
    """The facts that these follow: streams and numbers."""
    firsts = {
        (str(event.originator_id), event.originator_version - 1)
        for entry in entries
        for event in entry.stored
        if event.originator_version > 1
    }
    return [stream for stream, _ in firsts], [number for _, number in firsts]


class Factory(PostgresFactory):
    application_recorder_class = PostgresRecorder  # type: ignore[assignment]  # takes fewer arguments

    def __init__(self, env: Environment | EnvType | None) -> None:
        super().__init__(env)
        self.datastore = Datastore(str(self.env.get("DOCLEDGER_URL")))


class PostgresLedger(Ledger):
    def __init__(self, url: str) -> None:
        prepare(url)
        environment = {
            "PERSISTENCE_MODULE": "infrastructure.journal.postgres.ledger:Factory",
            "DOCLEDGER_URL": url,
            "ORIGINATOR_ID_TYPE": "text",
            # The library wants these, but has no place for a url; the datastore is ours.
            **dict.fromkeys(("POSTGRES_DBNAME", "POSTGRES_HOST", "POSTGRES_USER", "POSTGRES_PASSWORD"), ""),
        }
        super().__init__(environment)

    @property
    def views(self) -> PostgresRecorder:
        assert isinstance(self.recorder, PostgresRecorder)
        return self.recorder
