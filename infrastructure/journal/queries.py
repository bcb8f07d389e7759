"""Questions to the log itself."""

from __future__ import annotations

import json
from collections.abc import Sized
from typing import Any

from application.journal import Damaged, Recorded
from infrastructure.journal.mapper import to_fact

EVENTS = "SELECT position, originator_id, originator_version, topic, state, cause, file_id FROM stored_events"
HISTORY = f"{EVENTS} WHERE originator_id = ? AND originator_version > ? ORDER BY originator_version"
LAST = "SELECT max(position) FROM stored_events"
EXISTING = """SELECT file_id, number FROM json_each(?) AS wanted CROSS JOIN versions
    ON file_id = json_extract(wanted.value, '$[0]') AND number = json_extract(wanted.value, '$[1]')"""
STREAM_LENGTH = "SELECT max(originator_version) FROM stored_events WHERE originator_id = ?"


def recorded(row: Any) -> Recorded:
    """Raises Damaged."""
    try:
        return _recorded(row)
    except (KeyError, TypeError, ValueError) as damage:
        raise Damaged(f"The fact at position {row['position']} cannot be read: {damage!r}") from damage


def _recorded(row: Any) -> Recorded:
    return Recorded(
        position=row["position"],
        stream=row["originator_id"],
        number=row["originator_version"],
        event=to_fact(row["topic"], json.loads(row["state"].decode())),  # json would guess the encoding
        file=row["file_id"],
        cause=json.loads(row["cause"].decode()) if row["cause"] else None,
    )


def marks(values: Sized) -> str:
    return ",".join("?" * len(values))
