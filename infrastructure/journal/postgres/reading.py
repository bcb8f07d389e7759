"""A log in PostgreSQL, read beside whoever uses it: also on a replica that takes no writes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from itertools import count
from typing import Any

import psycopg
from psycopg import Connection, IsolationLevel, ServerCursor
from psycopg.conninfo import conninfo_to_dict

from infrastructure.databases import CannotRead, in_a_line
from infrastructure.journal.postgres import upgrading
from infrastructure.journal.postgres.connections import Overdue, told
from infrastructure.journal.postgres.dialect import OurCursor, Text, rows, translated
from infrastructure.store_urls import without_password

BESIDE = "docledger beside"  # as which we connect
PAGE = 500  # rows fetched at once
ABANDONED = "600s"  # for whoever reads the past and has fallen asleep: it keeps PostgreSQL from tidying up
GRACE = 2.0  # seconds for the server to say itself that something took too long
# Only for the one transaction, so that a pooler does not hand them on to others.
TIMEOUTS = f"""SELECT set_config('lock_timeout', ?, true), set_config('statement_timeout', ?, true),
    set_config('idle_in_transaction_session_timeout', '{ABANDONED}', true)"""


class OurServerCursor(ServerCursor[Any]):
    """Takes statements in our own SQL."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        return super().execute(translated(query), params or (), **options)


class PostgresSnapshot:
    """Whatever is asked of it may raise psycopg.Error."""

    def __init__(self, connection: Connection[Any], overdue: Overdue, longest: float) -> None:
        self._connection = connection
        self._overdue = overdue
        self._longest = longest
        self._numbers = count()  # of streams, of which several may be read side by side

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        with self._timely():
            return self._connection.execute(sql, parameters)

    def stream(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[Any]:
        with self._connection.cursor(f"stream_{next(self._numbers)}") as cursor:
            with self._timely():
                cursor.execute(sql, parameters)
            while True:
                with self._timely():
                    page = cursor.fetchmany(PAGE)
                yield from page
                if len(page) < PAGE:
                    return

    def _timely(self) -> AbstractContextManager[None]:
        return timely(self._connection, self._overdue, self._longest)


@contextmanager
def timely(connection: Connection[Any], overdue: Overdue, longest: float) -> Iterator[None]:
    """Raises psycopg.OperationalError once it took so many seconds, if the server does not before."""
    began = time.monotonic()
    try:
        with overdue.watched(connection, longest + GRACE):
            yield
    except psycopg.OperationalError as trouble:
        if trouble.sqlstate is None and time.monotonic() - began >= longest:
            raise psycopg.OperationalError(f"no answer within {longest:g} s") from trouble
        raise


@contextmanager
def snapshot(url: str, longest: float) -> Iterator[PostgresSnapshot]:
    """`longest` is in seconds, for each answer. Raises CannotRead."""
    shown = without_password(url)
    try:
        with closing(_connected(url)) as connection, closing(Overdue()) as overdue:
            log = PostgresSnapshot(connection, overdue, longest)
            log.execute(TIMEOUTS, (f"{longest:g}s", f"{longest + GRACE / 2:g}s"))
            if complaint := upgrading.complaint(connection):
                raise CannotRead(f"The database {shown} {complaint}.")
            yield log
    except psycopg.Error as trouble:
        raise CannotRead(f"The database {shown} cannot be read: {in_a_line(trouble)}") from trouble


def _connected(url: str) -> Connection[Any]:
    connection = psycopg.connect(**told_to_read(url), row_factory=rows, cursor_factory=OurCursor)
    connection.adapters.register_dumper(str, Text)
    connection.server_cursor_factory = OurServerCursor
    connection.isolation_level, connection.read_only = IsolationLevel.REPEATABLE_READ, True
    return connection


def told_to_read(url: str) -> dict[str, Any]:
    """Of several hosts, the one that the service writes to; a single one may be a replica."""
    given = conninfo_to_dict(url)
    alone = {} if "," in str(given.get("host")) else {"target_session_attrs": "any"}
    return {**told(url), "application_name": BESIDE, **alone, **given}
