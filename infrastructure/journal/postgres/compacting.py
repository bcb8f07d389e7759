"""A database in PostgreSQL rid of what was overwritten in it. Blocking."""

from __future__ import annotations

import re
import time
from contextlib import closing
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.errors import Diagnostic, LockNotAvailable

from infrastructure.journal.postgres.connections import told

# An overwritten row stays in its page, and a removed one as well: only a new copy of the table has none. The
# statistics come last, since to make new ones leaves the old ones, with samples of texts, in their table.
TABLES = ("stored_events", "documents", "files", "people", "pg_catalog.pg_statistic")
STEP = 2.0  # seconds to wait for a table, during which everybody else who wants it waits as well
PAUSE = 1.0  # seconds in which they go on
OFTEN = 3  # times a table is copied in vain
# Of all that a vacuum takes; a table of a million facts takes some seconds.
TIMEOUTS = f"""SELECT set_config('lock_timeout', '{STEP:g}s', false),
    set_config('statement_timeout', '3600s', false), set_config('client_min_messages', 'notice', false)"""
COUNT = re.compile(r"\d+")
HELD_BACK = (
    "Old texts are still in the table {}, because somebody reads what was before: an export, a dump, a shell,"
    " a replica. Run this again when they are done."
)
REFUSED = "Old texts are still in the database: {}. Run this again as the user who owns it."
STAYS = (
    "PostgreSQL's write-ahead log has the old texts until it has written over them, and its archive, dumps"
    " and base backups have them for as long as you keep them."
)


class Held(Exception):
    """By somebody who sees what was before."""


def compact(url: str, patience: float) -> str:
    """Why old texts are still in its tables; empty if they are rid of them. Nobody can use a table meanwhile.

    `patience` is in seconds, for each table that others use. Raises psycopg.Error.
    """
    refused: list[str] = []
    with closing(psycopg.connect(**told(url), autocommit=True)) as connection:
        connection.execute(TIMEOUTS)
        for table in TABLES:
            try:
                refused += _vacuum(connection, table, patience)
            except (Held, LockNotAvailable):
                return HELD_BACK.format(table)
    return REFUSED.format("; ".join(refused)) if refused else ""


def _vacuum(connection: Connection[Any], table: str, patience: float) -> list[str]:
    """What PostgreSQL would not do. Raises Held, LockNotAvailable."""
    end = time.monotonic() + patience
    attempts = 0
    while True:
        attempts += 1
        try:
            return _vacuumed(connection, table)
        except (Held, LockNotAvailable) as held:
            if time.monotonic() > end or (isinstance(held, Held) and attempts == OFTEN):
                raise
            time.sleep(PAUSE)


def _vacuumed(connection: Connection[Any], table: str) -> list[str]:
    kept: list[int] = []  # dead rows that somebody still sees
    refused: list[str] = []

    def hear(notice: Diagnostic) -> None:
        """Their count is the first number, in whatever language."""
        if notice.severity_nonlocalized == "INFO":
            kept.extend(int(found) for found in COUNT.findall(notice.message_detail or "")[:1])
        elif notice.severity_nonlocalized == "WARNING":
            refused.append(str(notice.message_primary))

    connection.add_notice_handler(hear)
    try:
        connection.execute(f"VACUUM (FULL, VERBOSE, ANALYZE) {table}".encode())
    finally:
        connection.remove_notice_handler(hear)
    if any(kept):
        raise Held
    return refused
