"""A database of an earlier release: its facts are copied in order, and get their positions and chains."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from application.people import introduced, named_in
from domain.events import Event, Opened
from infrastructure.journal import events_table, seals
from infrastructure.journal.mapper import Undecodable, decoded

logger = logging.getLogger(__name__)

PATIENCE = 300.0  # seconds for another process that is upgrading the same database
COLUMNS = "SELECT name FROM pragma_table_info('stored_events')"
RENAME = "ALTER TABLE stored_events RENAME TO earlier_events"
FACTS = """SELECT rowid, originator_id, originator_version, topic, state FROM earlier_events
    ORDER BY rowid"""
INSERT = """INSERT INTO stored_events (position, originator_id, originator_version, topic, state, at,
    file_id, salt, link) VALUES (?,?,?,?,?,?,?,?,?)"""


def upgrade(database: str) -> None:
    """All of it or nothing. Raises sqlite3.Error."""
    with closing(sqlite3.connect(database, isolation_level=None, timeout=PATIENCE, uri=True)) as connection:
        if not _is_earlier(connection):
            return
        connection.execute("BEGIN IMMEDIATE")
        if not _is_earlier(connection):  # any more: another process was quicker
            return
        count = _upgrade(connection)
        connection.execute("COMMIT")
    logger.info("the log is upgraded: %d facts have their positions and chains", count)


def _is_earlier(connection: sqlite3.Connection) -> bool:
    columns = {name for (name,) in connection.execute(COLUMNS)}
    return bool(columns) and "position" not in columns


def _upgrade(connection: sqlite3.Connection) -> int:
    connection.execute(RENAME)
    for statement in (events_table.TABLE, *events_table.OTHERS):
        connection.execute(statement)
    streams: dict[str, _Stream] = {}
    for row in connection.execute(FACTS):
        stream = streams.setdefault(row[1], _Stream(_file_in(row[1])))
        _copy(connection, stream, row)
    connection.execute("DROP TABLE earlier_events")
    count: int = connection.execute("SELECT count(*) FROM stored_events").fetchone()[0]
    return count


@dataclass(slots=True)
class _Stream:
    file: str | None
    link: bytes = seals.START


def _copy(connection: sqlite3.Connection, stream: _Stream, row: tuple[int, str, int, str, bytes]) -> None:
    position, name, number, topic, state = row
    fact = _fact(name, number, topic, state)
    if isinstance(fact, Opened):
        stream.file = fact.file
    salt = seals.new_salt()
    stream.link = seals.link(stream.link, name, number, topic, seals.digest(salt, state, None))
    at = fact and events_table.stamp(fact.at)
    connection.execute(INSERT, (*row, at, stream.file, salt, stream.link))
    if fact:
        connection.executemany(events_table.NAMED, [(user, position) for user in named_in(fact)])
        connection.executemany(events_table.PERSON, introduced([fact]).items())


def _fact(name: str, number: int, topic: str, state: Any) -> Event | None:
    """None for one that cannot be read: it was there before, and is kept as it is."""
    try:
        return decoded(topic, state)
    except Undecodable as trouble:
        logger.error("%s, fact %d: %s", name, number, trouble)
        return None


def _file_in(stream: str) -> str | None:
    kind, _, name = stream.partition("/")
    return name if kind == "file" else None
