"""What a transaction writes for its facts, whatever the database: their rows, and what is read off them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from eventsourcing.persistence import IntegrityError

from infrastructure.journal import events_table, seals
from infrastructure.journal.ledger import Entry
from infrastructure.journal.views import project

Row = tuple[str, int, str, bytes, bytes | None, str, str | None, bytes, bytes]


def rows(entries: Sequence[Entry], link_of: Callable[[str, int], bytes | None]) -> Iterator[Row]:
    """In the order of `events_table.COLUMNS`; `link_of` is asked for what was recorded before.

    The primary key refuses a number that is taken, and the chain one that leaves a hole: IntegrityError.
    """
    links: dict[tuple[str, int], bytes] = {}  # of facts in this transaction
    for entry in entries:
        for event, beside in zip(entry.stored, entry.beside, strict=True):
            stream, number, state, cause = (
                str(event.originator_id),
                event.originator_version,
                event.state,
                beside.cause,
            )
            before = seals.START if number == 1 else links.get((stream, number - 1))
            before = before or link_of(stream, number - 1)
            if before is None:
                raise IntegrityError(f"{stream} has no fact number {number - 1}")
            digest = seals.digest(beside.salt, state, cause)
            links[stream, number] = link = seals.link(before, stream, number, event.topic, digest)
            yield (stream, number, event.topic, state, cause, beside.at, beside.file, beside.salt, link)


def read_off(cursor: Any, entries: Sequence[Entry], positions: Sequence[int]) -> None:
    """The tables that are a function of the facts, which now have these positions."""
    facts = [
        (position, beside)
        for position, beside in zip(positions, (b for entry in entries for b in entry.beside), strict=True)
    ]
    named = [(user, position) for position, beside in facts for user in beside.users]
    cursor.executemany(events_table.NAMED, named)
    events_table.span(cursor, [(position, beside.at) for position, beside in facts])
    for entry in entries:
        cursor.executemany(events_table.PERSON, entry.names.items())
        for change in entry.changes:
            project(cursor, change)
