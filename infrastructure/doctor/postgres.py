"""A look at a log's database in PostgreSQL, beside whoever uses it: nothing is changed in it. Blocking."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.errors import ConnectionTimeout

from application.doctor.seen import Postgres, Refusal
from infrastructure.databases import in_a_line
from infrastructure.journal.postgres import upgrading
from infrastructure.journal.postgres.connections import DURABLE, Overdue
from infrastructure.journal.postgres.dialect import OurCursor, rows
from infrastructure.journal.postgres.reading import timely, told_to_read
from infrastructure.store_urls import without_password

LONGEST, ALTOGETHER = 5.0, 8.0  # seconds for an answer, and for all of them
TRIES = 5
TIMEOUTS = f"""SELECT set_config('statement_timeout', '{LONGEST:g}s', false),
    set_config('lock_timeout', '{LONGEST:g}s', false)"""
LOOK = """SELECT current_setting('server_version') AS release,
    current_setting('server_version_num')::int AS number, current_setting('server_encoding') AS encoding,
    pg_is_in_recovery() OR current_setting('transaction_read_only')::bool AS read_only,
    current_setting('fsync')::bool AS fsync, current_setting('full_page_writes')::bool AS full_page_writes,
    current_setting('synchronous_commit') AS synchronous,
    pg_backend_pid() <> ? AS pooled, pg_database_size(current_database()) AS size,
    (SELECT coalesce(sum(checksum_failures), 0)::bigint FROM pg_stat_database
        WHERE datname = current_database()) AS spoilt"""
CLOCK = "SELECT extract(epoch FROM clock_timestamp())::float8"
# Limits of minus one are none, and `least` passes over what is not known.
CONNECTIONS = """SELECT count(*) FILTER (WHERE application_name = 'docledger') AS ours, least(
        current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
            - coalesce(current_setting('reserved_connections', true)::int, 0) - count(*),
        (SELECT nullif(datconnlimit, -1) FROM pg_database WHERE datname = current_database())
            - count(*) FILTER (WHERE datname = current_database()),
        (SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = current_user)
            - count(*) FILTER (WHERE usename = current_user)) AS free
    FROM pg_stat_activity WHERE datid IS NOT NULL AND pid <> pg_backend_pid()"""
MAY_MAKE = "SELECT coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)"
MAY_WRITE = """SELECT has_table_privilege('stored_events', 'SELECT') AND
    has_table_privilege('stored_events', 'INSERT') AND has_table_privilege('stored_events', 'UPDATE')"""
FACTS = "SELECT coalesce(max(position), 0) FROM stored_events"
COVERED = "SELECT coalesce(max(position), 0) FROM checkpoints"
BEYOND = "SELECT at FROM stored_events WHERE position > ? ORDER BY position LIMIT 1"
# A commit that is synced like any other, and leaves nothing behind but a few bytes of the write-ahead log.
COMMIT = "SELECT pg_logical_emit_message(true, 'docledger doctor', '')"
# By their words, since a refused connection has no code; in whatever other language they are, it is OTHER.
WORDS = (
    ("too many ", Refusal.FULL),
    ("connection slots", Refusal.FULL),
    ("pg_hba.conf", Refusal.NOT_LISTED),
    ("password", Refusal.PASSWORD),
    ("role ", Refusal.PASSWORD),
    ("starting up", Refusal.NOT_YET),
    ("shutting down", Refusal.NOT_YET),
    ("recovery", Refusal.NOT_YET),
    ("accepting connections", Refusal.NOT_YET),
    ("resolve host", Refusal.UNKNOWN_HOST),
    ("host name", Refusal.UNKNOWN_HOST),
    ("SSL", Refusal.UNSAFE),
    ("certificate", Refusal.UNSAFE),
    ("timeout", Refusal.SILENT),
    ("no answer", Refusal.SILENT),
    ("refused", Refusal.UNREACHABLE),
    ("unreachable", Refusal.UNREACHABLE),
    ("No route to host", Refusal.UNREACHABLE),
    ("database ", Refusal.NO_DATABASE),
)


def look(url: str, now: datetime) -> Postgres:
    seen = Postgres(without_password(url))
    try:
        with _connected(url) as connection:
            return _read(connection, seen, now)
    except psycopg.OperationalError as trouble:
        return replace(seen, refusal=_refusal(trouble), unreadable=in_a_line(trouble))
    except psycopg.Error as trouble:
        return replace(seen, unreadable=in_a_line(trouble))


@contextmanager
def _connected(url: str) -> Iterator[Connection[Any]]:
    connect = partial(psycopg.connect, row_factory=rows, cursor_factory=OurCursor, autocommit=True)
    with (
        closing(connect(**told_to_read(url))) as connection,
        closing(Overdue()) as overdue,
        timely(connection, overdue, ALTOGETHER),
    ):
        connection.execute(TIMEOUTS)
        connection.execute(DURABLE)
        yield connection


def _read(connection: Connection[Any], seen: Postgres, now: datetime) -> Postgres:
    found = connection.execute(LOOK, (connection.info.backend_pid,)).fetchone()
    taken = connection.execute(CONNECTIONS).fetchone()
    seen = replace(seen, **_named(found), **_named(taken), ahead=_ahead(connection))
    if not seen.read_only:
        seen = replace(seen, commit=_commit(connection))
    complaint = upgrading.complaint(connection)
    if not upgrading.version_of(connection):
        return replace(seen, exists=False, may_write=_one(connection, MAY_MAKE))
    if complaint:
        return replace(seen, foreign=complaint)
    return _log(connection, replace(seen, may_write=_one(connection, MAY_WRITE)), now)


def _log(connection: Connection[Any], seen: Postgres, now: datetime) -> Postgres:
    try:
        facts, covered = _one(connection, FACTS), _one(connection, COVERED)
        first = connection.execute(BEYOND, (covered,)).fetchone()
    except psycopg.errors.InsufficientPrivilege as trouble:
        return replace(seen, unreadable=in_a_line(trouble))
    return replace(
        seen,
        facts=facts,
        uncovered=max(0, facts - covered),
        uncovered_for=now - datetime.fromisoformat(first[0]).astimezone(UTC) if first else timedelta(0),
    )


def _ahead(connection: Connection[Any]) -> float:
    before = time.time()
    there = _one(connection, CLOCK)
    return float(there - (before + time.time()) / 2)


def _commit(connection: Connection[Any]) -> float | None:
    """In the median. None where we may not say so much as a word."""
    took = []
    for _ in range(TRIES):
        began = time.perf_counter()
        try:
            connection.execute(COMMIT)
        except psycopg.errors.InsufficientPrivilege:
            return None
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def _one(connection: Connection[Any], sql: str) -> Any:
    found = connection.execute(sql).fetchone()
    assert found is not None
    return found[0]


def _named(row: Any) -> dict[str, Any]:
    return {name: row[name] for name in row.places}


def _refusal(trouble: psycopg.OperationalError) -> Refusal:
    if isinstance(trouble, ConnectionTimeout):
        return Refusal.SILENT
    words = str(trouble)
    return next((refusal for word, refusal in WORDS if word in words), Refusal.OTHER)
