"""A log copied row by row, as often as there is something new. Blocking.

Facts are only ever added, but for what an erasure rewrites; and each of those says so in a fact of its
own, which is copied in the same transaction. All other rows are compared, and those that differ replaced.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from infrastructure.migrating import parts
from infrastructure.migrating.comparing import Progress, differences
from infrastructure.migrating.copies import Copy
from infrastructure.migrating.logs import CannotCopy, Log, Row
from infrastructure.migrating.tables import EVENTS, NAMED, Part

T = TypeVar("T")

BATCH = 2000  # rows in one transaction
ATTEMPTS = 3  # at rows that should be the same in the end
LAST_NAMED = "SELECT coalesce(max(position), 0) FROM named"
PLACE = "SELECT originator_id, originator_version, link FROM stored_events WHERE position = ?"
NEW_NAMED = f'SELECT {NAMED.listed} FROM named WHERE position > ? ORDER BY position, "user"'  # noqa: S608
REWRITTEN = """SELECT state, cause, digest, salt, position FROM stored_events
    WHERE originator_id = ? AND originator_version < ? AND salt IS NULL"""
REWRITE = "UPDATE stored_events SET state = ?, cause = ?, digest = ?, salt = ? WHERE position = ?"


def refuse_others(source: Log, copy: Copy) -> None:
    """What is copied to is empty, or the beginning of this log. Raises CannotCopy."""
    last = copy.last()
    if not last:
        return
    with copy.opened() as there:
        if _place(source, 1) != _place(there, 1):
            raise CannotCopy(f"{copy.name} holds another log. Nothing was changed: name an empty place.")
        if last > (end := source.last()):
            raise CannotCopy(
                f"{copy.name} goes on to event {last}, and this log ends with event {end}: it is in use."
                " Nothing was changed."
            )
        if _place(source, last) != _place(there, last):
            raise CannotCopy(
                f"{copy.name} holds a copy of this log that has gone its own way. Nothing was changed: name"
                " an empty place."
            )


def copy_events(source: Log, copy: Copy, done: Progress) -> None:
    """All that are not there yet, with the bytes they have, in the order of their positions."""
    new = Part(EVENTS, "position > ?", (copy.last(),))
    for batch in batched(source.rows(new.ordered, new.parameters), BATCH):
        with copy.transaction():
            copy.insert(EVENTS, batch)
            for _, stream, number, topic, *_ in batch:
                if topic in parts.REDACTED:
                    copy.run(REWRITE, [*source.rows(REWRITTEN, (stream, number))])
        done(len(batch))


def copy_named(source: Log, copy: Copy) -> None:
    """Never changed; and the rows of one fact are never torn apart, so that the last one tells how far."""
    with copy.opened() as there:
        last = there.number(LAST_NAMED)
    held: list[Row] = []
    for batch in batched(source.rows(NEW_NAMED, (last,)), BATCH):
        whole = [row for row in (*held, *batch) if row[1] != batch[-1][1]]
        held = [row for row in (*held, *batch) if row[1] == batch[-1][1]]
        _insert_named(copy, whole)
    _insert_named(copy, held)


def copy_others(source: Log, copy: Copy, beyond: int, done: Progress) -> None:
    """Raises CannotCopy."""
    for part in parts.others(source, beyond):
        if not any(_bring(source, copy, part, done) == 0 for _ in range(ATTEMPTS)):
            raise CannotCopy(f"The rows of {part.table.name} do not come to be the same.")


def _bring(source: Log, copy: Copy, part: Part, done: Progress) -> int:
    """How many rows were others than they should be."""
    count, table = 0, part.table
    with copy.opened() as there:
        for batch in batched(differences(part, source, there, done), BATCH):
            count += len(batch)
            with copy.transaction():
                copy.run(table.delete, [old[: len(table.key)] for old, _ in batch if old])
                copy.insert(table, [new for _, new in batch if new])
    return count


def _insert_named(copy: Copy, rows: list[Row]) -> None:
    if rows:
        with copy.transaction():
            copy.insert(NAMED, rows)


def _place(log: Log, position: int) -> Any:
    return next(log.rows(PLACE, (position,)), None)


def batched(rows: Iterable[T], count: int) -> Iterator[list[T]]:
    rows = iter(rows)
    while batch := list(islice(rows, count)):
        yield batch
