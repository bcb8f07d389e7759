"""The schema in PostgreSQL: made where there is none, brought up to date by numbered steps otherwise.

While a new release takes over node by node, those of the one before still write: a step may only add.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from eventsourcing.persistence import PersistenceError
from psycopg import Connection

from infrastructure.journal.postgres import tables
from infrastructure.journal.postgres.connections import told
from infrastructure.journal.postgres.dialect import OurCursor

PATIENCE = "300s"  # for another node that is at it
VERSION_TABLE = "CREATE TABLE schema_version (number BIGINT NOT NULL)"
VERSION = "SELECT number FROM schema_version"
COPYING = "copying"  # a table that is there until a log that is copied here is whole, and proven

# What makes schema 2 of schema 1, schema 3 of schema 2, and so on. A step is never changed or removed.
STEPS: Sequence[Callable[[Connection[Any]], object]] = ()
CURRENT = len(STEPS) + 1


class Unusable(PersistenceError):
    """A database that must be left alone; what to do."""


def prepare(url: str) -> None:
    """All or nothing. Raises Unusable, psycopg.Error."""
    with psycopg.connect(**told(url), cursor_factory=OurCursor) as connection:
        bring_up_to_date(connection)
        if is_there(connection, COPYING):
            raise Unusable("a log is being copied into it, and `docledger migrate` has not finished yet")


def bring_up_to_date(connection: Connection[Any]) -> int:
    """In the connection's transaction; which schema there was before. Raises Unusable, psycopg.Error."""
    connection.execute(f"SELECT set_config('lock_timeout', '{PATIENCE}', true)")
    connection.execute(f"SELECT pg_advisory_xact_lock({tables.SPACE}, {tables.UPGRADING})")
    version = version_of(connection)
    if version > CURRENT:
        raise Unusable(f"it {complaint(connection)}. Nothing was changed")
    if version == 0:
        for statement in (VERSION_TABLE, *tables.TABLES, *tables.INDEXES):
            connection.execute(statement)
        connection.execute("INSERT INTO schema_version VALUES (0)")
    for step in STEPS[version - 1 :] if version else ():
        step(connection)
    connection.execute(f"UPDATE schema_version SET number = {CURRENT}")  # noqa: S608
    return version


def complaint(connection: Connection[Any]) -> str:
    """Why a log cannot be read as it is, and what to do; empty if it can."""
    version = version_of(connection)
    if version > CURRENT:
        return f"is of a newer release (schema {version}; this one knows {CURRENT}); use that release"
    return "" if version else "holds no log. Is DOCLEDGER_DATABASE_URL the service's?"


def version_of(connection: Connection[Any]) -> int:
    """0 where there is no log yet."""
    found = connection.execute(VERSION).fetchone() if is_there(connection, "schema_version") else None
    return int(found[0]) if found else 0


def is_there(connection: Connection[Any], table: str) -> bool:
    row = connection.execute(f"SELECT to_regclass('{table}')").fetchone()
    return row is not None and row[0] is not None
