"""Questions to the log itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from application.journal import Query, Recorded
from infrastructure.journal.events_table import stamp
from infrastructure.journal.mapper import to_fact

EVENTS = "SELECT position, originator_id, originator_version, topic, state, cause, file_id FROM stored_events"
HISTORY = f"{EVENTS} WHERE originator_id = ? AND originator_version > ? ORDER BY originator_version"
NAMED = "SELECT position FROM named WHERE user IN"
LAST = "SELECT max(position) FROM stored_events"
EXISTING = """SELECT file_id, number FROM json_each(?) AS wanted CROSS JOIN versions
    ON file_id = json_extract(wanted.value, '$[0]') AND number = json_extract(wanted.value, '$[1]')"""
STREAM_LENGTH = "SELECT max(originator_version) FROM stored_events WHERE originator_id = ?"


def recorded(row: Any) -> Recorded:
    return Recorded(
        position=row["position"],
        stream=row["originator_id"],
        number=row["originator_version"],
        event=to_fact(row["topic"], json.loads(row["state"])),
        file=row["file_id"],
        cause=json.loads(row["cause"]) if row["cause"] else None,
    )


def found(query: Query, *, before: int | None, after: int | None, limit: int) -> tuple[str, list[Any]]:
    """The statement for a query, and its parameters."""
    terms = list(_terms(query))
    if after is not None:
        terms.append(("position > ?", [after]))
    if before is not None:
        terms.append(("position < ?", [before]))
    where = " AND ".join(term for term, _ in terms) or "1"
    order = "ASC" if after is not None else "DESC"
    sql = f"{EVENTS} WHERE {where} ORDER BY position {order} LIMIT ?"
    return sql, [*(value for _, values in terms for value in values), limit]


def _terms(query: Query) -> Iterator[tuple[str, list[Any]]]:
    if query.file is not None:
        yield "file_id = ?", [query.file]
    if query.key is not None:
        yield "originator_id = ?", [f"document/{query.key}"]
    if query.users:
        yield f"position IN ({NAMED} ({marks(query.users)}))", [*query.users]
    if query.types:
        yield f"topic IN ({marks(query.types)})", [*query.types]
    if query.since is not None:
        yield "at >= ?", [stamp(query.since)]
    if query.until is not None:
        yield "at < ?", [stamp(query.until)]


def marks(values: Any) -> str:
    return ",".join("?" * len(values))
