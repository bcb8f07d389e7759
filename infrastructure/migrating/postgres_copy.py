"""A log that is being copied to PostgreSQL. Blocking."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

from psycopg import Connection
from psycopg.errors import LockNotAvailable

from infrastructure.journal.postgres import upgrading
from infrastructure.journal.postgres.connections import Overdue
from infrastructure.journal.postgres.dialect import translated
from infrastructure.journal.postgres.tables import COPYING, SPACE
from infrastructure.migrating.logs import LAST, SLOW, CannotCopy, Row, opened, users_of, writing
from infrastructure.migrating.statements import FORGET, MARK, NOTE, PROVEN, RELEASE
from infrastructure.migrating.tables import ALL, Table
from infrastructure.store_urls import without_password

SYNCED = "SET LOCAL synchronous_commit TO DEFAULT"
ANALYZE = f"ANALYZE {', '.join(table.name for table in ALL)}"
MOMENT = "5s"


class PostgresCopy:
    def __init__(self, url: str, connection: Connection[Any], overdue: Overdue) -> None:
        self.place, self.name = url, without_password(url)
        self._connection, self._overdue = connection, overdue
        self.opened = partial(opened, url)
        if not self._is_alone():
            raise CannotCopy(f"Another copy to {self.name} is under way.")
        if users := users_of(url):
            raise CannotCopy(
                f"Others have {self.name} open ({', '.join(users)}): a service? Stop it, or name another."
            )
        self._types = cache(self._types_of)

    def last(self) -> int:
        return int(self._one(LAST)) if upgrading.is_there(self._connection, "stored_events") else 0

    def mark(self) -> None:
        with self.transaction():
            if upgrading.bring_up_to_date(self._connection) not in {0, upgrading.CURRENT}:
                self._connection.execute(RELEASE)
            self._connection.execute(MARK)
        # Whatever is lost in a crash is copied again; what is noted, or released, takes it all to the disk.
        self._connection.execute("SET synchronous_commit = off")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with (
            writing(self.name),
            self._overdue.watched(self._connection, SLOW),
            self._connection.transaction(),
        ):
            yield

    def insert(self, table: Table, rows: Iterable[Row]) -> None:
        into, types = f"COPY {table.name} ({table.listed}) FROM STDIN (FORMAT BINARY)", self._types(table)
        with self._connection.cursor() as cursor, cursor.copy(into.encode()) as copied:
            copied.set_types(types)
            for row in rows:
                copied.write_row(row)

    def run(self, sql: str, rows: Sequence[Row]) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(translated(sql).encode(), rows)

    def proven(self) -> int:
        return int(self._one(PROVEN))

    def note(self, proven: int) -> None:
        self._connection.execute(SYNCED.encode())
        self.run(NOTE, [(proven,)])

    def forget(self) -> None:
        self._connection.execute(FORGET.encode())

    def release(self) -> None:
        with self.transaction():
            self._connection.execute(SYNCED.encode())
            self._connection.execute(RELEASE.encode())
        with self._overdue.watched(self._connection, SLOW):  # else its first plans would be for empty tables
            self._connection.execute(ANALYZE.encode())

    def _is_alone(self) -> bool:
        """The server may need a moment to notice that an earlier run was killed."""
        try:
            with self._connection.transaction():
                self._connection.execute(f"SET LOCAL lock_timeout = '{MOMENT}'".encode())
                self._connection.execute(f"SELECT pg_advisory_lock({SPACE}, {COPYING})".encode())
        except LockNotAvailable:
            return False
        return True

    def _types_of(self, table: Table) -> Sequence[int]:
        cursor = self._connection.execute(f"SELECT {table.listed} FROM {table.name} LIMIT 0".encode())  # noqa: S608
        return [column.type_code for column in cursor.description or ()]

    def _one(self, sql: str) -> Any:
        row = self._connection.execute(sql.encode()).fetchone()
        assert row
        return row[0]
