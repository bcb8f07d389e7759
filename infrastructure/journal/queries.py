"""Questions to the log itself."""

from __future__ import annotations

import json
from collections.abc import Sized
from typing import Any

from application.journal import Damaged, Recorded
from infrastructure.journal.mapper import decoded

EVENTS = "SELECT position, originator_id, originator_version, topic, state, cause, file_id FROM stored_events"
HISTORY = f"{EVENTS} WHERE originator_id = ? AND originator_version > ? ORDER BY originator_version"
LAST = "SELECT max(position) FROM stored_events"
# A join in this order: SQLite would rather walk through all versions.
EXISTING = """WITH wanted (file_id, number) AS (VALUES {}) SELECT versions.file_id, versions.number
    FROM wanted CROSS JOIN versions ON versions.file_id = wanted.file_id
    AND versions.number = wanted.number"""
TOUCHED = """SELECT originator_id, max(originator_version) FROM stored_events
    WHERE position > ? AND position <= ? AND originator_id LIKE 'document/%' GROUP BY originator_id"""
STREAM_LENGTH = "SELECT max(originator_version) FROM stored_events WHERE originator_id = ?"


def recorded(row: Any) -> Recorded:
    """Raises Damaged."""
    stream, number, cause = row["originator_id"], row["originator_version"], row["cause"]
    try:
        fact = decoded(row["topic"], row["state"])
        decided_on = json.loads(cause) if cause else None
    except ValueError as damage:
        where = f"Event {number} of {stream} (position {row['position']})"
        raise Damaged(f"{where} cannot be read: {damage}. `docledger verify` says more.") from damage
    return Recorded(row["position"], stream, number, fact, row["file_id"], decided_on)


def marks(values: Sized) -> str:
    """For `IN`, also of nothing."""
    return ",".join("?" * len(values)) or "NULL"
