"""The table of facts: the library's columns, and ours for finding them and for proving them whole."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

SPAN = 1024  # positions
MINUTE = len("2026-11-23T12:00")
AFTER = "~"  # follows, as a text, whatever goes on with a colon
COLUMNS = "originator_id, originator_version, topic, state, cause, at, file_id, salt, link"
INSERT = f"INSERT INTO stored_events ({COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?)"  # noqa: S608
# The digest is the first text's, however often it is redacted.
REWRITE = "UPDATE stored_events SET state = ?, cause = ?, digest = ?, salt = NULL WHERE position = ?"
LINK = "SELECT link FROM stored_events WHERE originator_id = ? AND originator_version = ?"
NAMED = "INSERT INTO named VALUES (?, ?)"
SPANNED = """INSERT INTO spans VALUES (?, ?, ?) ON CONFLICT (block) DO UPDATE SET
    low = CASE WHEN excluded.low < spans.low THEN excluded.low ELSE spans.low END,
    high = CASE WHEN excluded.high > spans.high THEN excluded.high ELSE spans.high END
    WHERE excluded.low < spans.low OR excluded.high > spans.high"""
PERSON = """INSERT INTO people VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET name = excluded.name
    WHERE people.name <> excluded.name"""


def link_of(cursor: Any, stream: str, number: int) -> bytes | None:
    cursor.execute(LINK, (stream, number))
    row = cursor.fetchone()
    return None if row is None else row[0]


def span(cursor: Any, facts: Iterable[tuple[int, str]]) -> None:
    """Note between which minutes these positions are, so that few transactions change a span's row."""
    spans: dict[int, tuple[str, str]] = {}
    for position, at in facts:
        minute = at[:MINUTE]
        low, high = spans.get(position // SPAN, (minute, minute))
        spans[position // SPAN] = min(low, minute), max(high, f"{minute}{AFTER}")
    cursor.executemany(SPANNED, [(block, *ends) for block, ends in spans.items()])


def stamp(moment: datetime) -> str:
    """In an order that texts have as well."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
