"""Connections to PostgreSQL: the library's pool, with a deadline on whatever is done with one of them."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from eventsourcing.persistence import InternalError, OperationalError
from eventsourcing.postgres import ConnectionPool, PostgresDatastore
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict
from psycopg.errors import ReadOnlySqlTransaction

from infrastructure.journal.postgres.dialect import OurCursor, Text, rows

SIZE = 8  # connections: for the readers, the writer, and somebody who notes something
WAIT = 3.0  # seconds for one to be free, or made anew after the old one broke
LONGEST = 10.0  # seconds for whatever is done with one
GIVEN_UP = 4.0  # seconds after which the pool begins anew to connect, before its pauses get long
LOOK = 0.25  # seconds between two looks for what takes too long
# Whatever the url does not say. A peer that vanished is noticed within 11 s, also where nothing is sent to
# it; of several hosts the one is taken that can be written to.
DEFAULTS: Mapping[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "target_session_attrs": "read-write",
    "application_name": "docledger",
    "client_encoding": "utf8",
}
SESSION = """SELECT set_config('lock_timeout', '2s', false), set_config('statement_timeout', '9s', false),
    set_config('idle_in_transaction_session_timeout', '5s', false),
    set_config('default_transaction_isolation', 'read committed', false)"""
# What is committed must be on the disk; stronger promises are the administrator's.
DURABLE = """SELECT set_config('synchronous_commit', 'on', false)
    WHERE current_setting('synchronous_commit') IN ('off', 'local')"""
# PostgreSQL believes that disks turn, and would walk through a log of some 10 000 facts for one page.
QUICK = """SELECT set_config('random_page_cost', '1.1', false)
    WHERE current_setting('random_page_cost')::float8 > 1.1"""


def told(url: str) -> dict[str, Any]:
    """What a connection is made with."""
    return {**DEFAULTS, **conninfo_to_dict(url)}


class Datastore(PostgresDatastore):
    def __init__(self, url: str) -> None:
        super().__init__(dbname="", host="", port="", user="", password="", originator_id_type="text")
        self._overdue = Overdue()
        self.pool = ConnectionPool(
            kwargs={**told(url), "row_factory": rows, "cursor_factory": OurCursor},
            connection_class=Connection[Any],
            min_size=2,
            max_size=SIZE,
            open=False,
            configure=_configure,
            timeout=WAIT,
            reconnect_timeout=GIVEN_UP,
            num_workers=2,
        )

    @contextmanager
    def get_connection(self) -> Iterator[Connection[Any]]:
        """Raises the library's OperationalError for whatever another attempt may mend."""
        try:
            with super().get_connection() as connection, self._overdue.watched(connection):
                try:
                    yield connection
                except ReadOnlySqlTransaction:  # it is the leader no more
                    connection.close()
                    raise
        except InternalError as trouble:
            if isinstance(trouble.__cause__, ReadOnlySqlTransaction):
                raise OperationalError(str(trouble)) from trouble
            raise

    def close(self) -> None:
        super().close()
        with suppress(AttributeError):  # it was never opened
            self._overdue.close()


def _configure(connection: Connection[Any]) -> None:
    connection.autocommit = True
    connection.adapters.register_dumper(str, Text)
    connection.execute(SESSION)
    connection.execute(DURABLE)
    connection.execute(QUICK)


class Overdue:
    """Whoever does not answer in time is hung up on: a server that stands still keeps its connections."""

    def __init__(self) -> None:
        self._working: dict[int, float] = {}  # a descriptor of our own for the socket -> its deadline
        self._lock = threading.Lock()
        self._closed = threading.Event()
        threading.Thread(target=self._run, name="overdue", daemon=True).start()

    @contextmanager
    def watched(self, connection: Connection[Any], longest: float = LONGEST) -> Iterator[None]:
        """`longest` is in seconds."""
        number = os.dup(connection.fileno())
        with self._lock:
            self._working[number] = time.monotonic() + longest
        try:
            yield
        finally:
            with self._lock:
                del self._working[number]
                os.close(number)

    def close(self) -> None:
        self._closed.set()

    def _run(self) -> None:
        while not self._closed.wait(LOOK):
            now = time.monotonic()
            with self._lock:
                for number in [number for number, deadline in self._working.items() if deadline <= now]:
                    self._working[number] = float("inf")
                    _hang_up(number)


def _hang_up(number: int) -> None:
    with socket.socket(fileno=os.dup(number)) as line, suppress(OSError):  # it may be hung up already
        line.shutdown(socket.SHUT_RDWR)
