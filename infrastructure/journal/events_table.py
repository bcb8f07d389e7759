"""The table of facts: the library's columns, and ours for finding them and for proving them whole."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

TABLE = """CREATE TABLE IF NOT EXISTS stored_events (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    originator_id TEXT NOT NULL, originator_version INTEGER NOT NULL, topic TEXT NOT NULL,
    state BLOB NOT NULL,
    cause BLOB,  -- what was decided on: beside the first fact of a decision
    at TEXT, file_id TEXT,
    salt BLOB, digest BLOB,  -- of the text: the digest only once it was redacted and its salt destroyed
    link BLOB NOT NULL,
    UNIQUE (originator_id, originator_version))"""
SPAN = 1024  # positions
OTHERS = (
    # Who is named in which fact.
    """CREATE TABLE IF NOT EXISTS named (user TEXT, position INTEGER, PRIMARY KEY (user, position))
        WITHOUT ROWID""",
    # Between which times the facts of each span of the log are: nearly in order, but clocks are set back.
    "CREATE TABLE IF NOT EXISTS spans (block INTEGER PRIMARY KEY, low TEXT, high TEXT)",
    "CREATE TABLE IF NOT EXISTS people (id TEXT PRIMARY KEY, name TEXT) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS checkpoints (position INTEGER PRIMARY KEY, body BLOB, signature BLOB)",
)
INDEXES = (
    "CREATE INDEX IF NOT EXISTS events_of_file ON stored_events (file_id)",
    "CREATE INDEX IF NOT EXISTS events_of_type ON stored_events (topic)",
    "CREATE INDEX IF NOT EXISTS people_by_name ON people (name)",
)
INSERT = (
    "INSERT INTO stored_events (originator_id, originator_version, topic, state, cause, at, file_id, salt,"
    " link) VALUES (?,?,?,?,?,?,?,?,?)"
)
# The library's BEGIN takes no lock, and a transaction that reads first cannot get it any more once
# another process has written: it fails at once instead of waiting.
LOCK = "DELETE FROM people WHERE 0"
# The digest is the first text's, however often it is redacted.
REWRITE = "UPDATE stored_events SET state = ?, cause = ?, digest = ?, salt = NULL WHERE position = ?"
LINK = "SELECT link FROM stored_events WHERE originator_id = ? AND originator_version = ?"
NAMED = "INSERT INTO named VALUES (?, ?)"
SPANNED = """INSERT INTO spans VALUES (?, ?, ?) ON CONFLICT (block) DO UPDATE SET
    low = min(low, excluded.low), high = max(high, excluded.high)"""
# Of a log from before there were spans.
SPAN_ALL = f"""INSERT INTO spans SELECT position / {SPAN}, min(at), max(at) FROM stored_events
    WHERE at IS NOT NULL GROUP BY 1"""  # noqa: S608
PERSON = """INSERT INTO people VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET name = excluded.name
    WHERE name <> excluded.name"""


def link_of(cursor: Any, stream: str, number: int) -> bytes | None:
    cursor.execute(LINK, (stream, number))
    row = cursor.fetchone()
    return None if row is None else row[0]


def span(cursor: Any, facts: Iterable[tuple[int, str]]) -> None:
    """Note where in time these positions are."""
    spans: dict[int, tuple[str, str]] = {}
    for position, at in facts:
        low, high = spans.get(position // SPAN, (at, at))
        spans[position // SPAN] = min(low, at), max(high, at)
    cursor.executemany(SPANNED, [(block, *ends) for block, ends in spans.items()])


def stamp(moment: datetime) -> str:
    """In an order that texts have as well."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
