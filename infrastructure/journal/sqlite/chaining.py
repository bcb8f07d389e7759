"""The first step: the facts of a log without positions are copied in order, and get them, and their chains.

What it makes is what `tables` has now; a step that changes those tables freezes them here.
"""

from __future__ import annotations

import logging
import sqlite3
from dataclasses import dataclass
from typing import Any

from application.people import introduced, named_in
from domain.events import Event, Opened
from infrastructure.journal import events_table, seals
from infrastructure.journal.mapper import Undecodable, decoded
from infrastructure.journal.sqlite import tables

logger = logging.getLogger(__name__)

ROOM = 2  # that it takes on the disk for a while, in sizes of the database
COLUMNS = "SELECT name FROM pragma_table_info(?)"
CHANGES = "changes_sha256"
RENAME = "ALTER TABLE stored_events RENAME TO earlier_events"
FACTS = """SELECT rowid, originator_id, originator_version, topic, state FROM earlier_events
    ORDER BY rowid"""
INSERT = """INSERT INTO stored_events (position, originator_id, originator_version, topic, state, at,
    file_id, salt, link) VALUES (?,?,?,?,?,?,?,?,?)"""


def chain(connection: sqlite3.Connection) -> None:
    """Also what a log with chains may lack, from before there were numbered steps."""
    if is_without_chains(connection):
        count = _copy_all(connection)
        logger.info("%d facts have their positions and chains", count)
    versions = _columns(connection, "versions")
    if versions and CHANGES not in versions:
        connection.execute(f"ALTER TABLE versions ADD COLUMN {CHANGES} TEXT")
    for statement in tables.OTHERS:
        connection.execute(statement)
    if connection.execute("SELECT 1 FROM spans").fetchone() is None:
        connection.execute(tables.SPAN_ALL)


def is_without_chains(connection: sqlite3.Connection) -> bool:
    columns = _columns(connection, "stored_events")
    return bool(columns) and "position" not in columns


def _columns(connection: sqlite3.Connection, table: str) -> set[str]:
    return {name for (name,) in connection.execute(COLUMNS, (table,))}


def _copy_all(connection: sqlite3.Connection) -> int:
    connection.execute(RENAME)
    for statement in (tables.EVENTS, *tables.OTHERS):
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
