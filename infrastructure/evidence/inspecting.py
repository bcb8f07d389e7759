"""The database as a check reads it: one snapshot, nothing written, nothing believed. Blocking.

What cannot be read is an exhibit that says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from infrastructure.evidence.exhibits import Exhibit

CHUNK = 500  # facts read at once
ALL = 2**62
LAST = "SELECT max(position) FROM stored_events"
# The facts come first, and few: so neither database is tempted to join the whole log.
EXHIBITS = """SELECT this.position, this.originator_id, this.originator_version, this.topic, this.state,
        this.cause, this.at, this.file_id, this.salt, this.digest, this.link, before.link, before.position,
        (SELECT first.file_id FROM stored_events first
            WHERE first.originator_id = this.originator_id AND first.originator_version = 1)
    FROM (SELECT * FROM stored_events WHERE position > ? AND position <= ? ORDER BY position LIMIT ?) this
    LEFT JOIN stored_events before
        ON before.originator_id = this.originator_id
        AND before.originator_version = this.originator_version - 1
    ORDER BY this.position"""
# The same where what stands elsewhere cannot be read.
EXHIBIT = """SELECT position, originator_id, originator_version, topic, state, cause, at, file_id, salt,
    digest, link, NULL, NULL, file_id FROM stored_events WHERE position = ?"""
LINK = "SELECT link FROM stored_events WHERE originator_id = ? AND originator_version = ?"
NEIGHBOUR = """SELECT originator_version, position FROM stored_events
    WHERE originator_id = ? AND originator_version < ? ORDER BY originator_version DESC LIMIT 1"""
REDACTIONS = """SELECT state FROM stored_events WHERE originator_id = ? AND originator_version > ?
    AND topic = 'Redacted' ORDER BY originator_version"""
TWICE = """SELECT originator_id, originator_version, max(position) FROM stored_events
    GROUP BY originator_id, originator_version HAVING count(*) > 1"""
CHECKPOINT = """SELECT position, body, signature FROM checkpoints WHERE position > ?
    ORDER BY position LIMIT 1"""
# Streams whose row, in the tables made of the facts, is not at their last fact: stream, row, last.
BEHIND = """SELECT stream, version, last FROM (
        SELECT stream, version, (SELECT max(originator_version) FROM stored_events
            WHERE originator_id = stream) AS last
        FROM (SELECT 'document/' || key AS stream, version FROM documents
            UNION ALL SELECT 'file/' || id, version FROM files) AS known) AS compared
    WHERE version <> last OR (version IS NULL) <> (last IS NULL)"""
ROWLESS = """SELECT originator_id, 0, (SELECT max(originator_version) FROM stored_events rest
            WHERE rest.originator_id = this.originator_id)
    FROM stored_events this WHERE originator_version = 1 AND (
        originator_id LIKE 'document/%'
            AND NOT EXISTS (SELECT 1 FROM documents WHERE key = substr(originator_id, 10))
        OR originator_id LIKE 'file/%'
            AND NOT EXISTS (SELECT 1 FROM files WHERE id = substr(originator_id, 6)))"""


class CannotCheck(Exception):
    """Something is needed first; what and how."""


class Damaged(Exception):
    """The database cannot be read, in its own words."""


class Source(Protocol):
    """Every question may raise CannotCheck, Damaged."""

    given: str  # the statement that asks for the last position that was ever given to a fact

    def rows(self, sql: str, *parameters: Any) -> list[Any]: ...

    def flaws(self) -> list[str]:
        """Of the database itself, in its own words."""
        ...


class Inspection:
    """Every question may raise Damaged, but for those about single facts."""

    def __init__(self, source: Source) -> None:
        self.flaws = source.flaws
        self._given = source.given
        self._rows = source.rows

    def last(self) -> int:
        return self._number(LAST)

    def given(self) -> int:
        return self._number(self._given)

    def exhibits(self, last: int, after: int = -(2**63)) -> Iterator[Exhibit]:
        """In the order of their positions; `last` is where to end if the database does not say it."""
        while True:
            try:
                chunk = self._rows(EXHIBITS, after, 2**63 - 1, CHUNK)
            except Damaged:
                after = max(after, 0)
                if after >= last:
                    return
                yield from self._one_by_one(after, min(after + CHUNK, last))
                after += CHUNK
                continue
            yield from (Exhibit(*row) for row in chunk)
            if len(chunk) < CHUNK:
                return
            after = chunk[-1][0]

    def _one_by_one(self, after: int, to: int) -> Iterator[Exhibit]:
        """All that can be read between two positions; halves that can be read whole are."""
        try:
            yield from [Exhibit(*row) for row in self._rows(EXHIBITS, after, to, ALL)]
        except Damaged as trouble:
            if to - after == 1:
                row = self._first(EXHIBIT, to, otherwise=None)
                yield Exhibit(*row) if row else Exhibit(to, damage=str(trouble))
                return
            middle = (after + to) // 2
            yield from self._one_by_one(after, middle)
            yield from self._one_by_one(middle, to)

    def checkpoints(self) -> Iterator[tuple[int, Any, Any]]:
        after = -(2**63)
        while rows := self._rows(CHECKPOINT, after):
            yield rows[0]
            after = rows[0][0]

    def link(self, stream: str, number: int) -> Any:
        return self._first(LINK, stream, number)[0]

    def neighbour(self, stream: str, number: int) -> tuple[int, int]:
        number, position = self._first(NEIGHBOUR, stream, number, otherwise=(0, 0))
        return number, position

    def redactions(self, stream: str, after: int) -> Sequence[bytes]:
        try:
            return [state for (state,) in self._rows(REDACTIONS, stream, after)]
        except Damaged:
            return []

    def twice(self) -> list[Any]:
        """Places that two facts claim: stream, number, position of the later one."""
        return self._rows(TWICE)

    def behind(self) -> list[Any]:
        """Stream, how many facts its row knows, and how many there are (None without any)."""
        return [*self._rows(BEHIND), *self._rows(ROWLESS)]

    def _number(self, sql: str) -> int:
        number = self._first(sql)[0]
        return number if isinstance(number, int) else 0

    def _first(self, sql: str, *parameters: Any, otherwise: Any = (None,)) -> Any:
        """`otherwise` where there is no such row, or none that can be read."""
        try:
            rows = self._rows(sql, *parameters)
        except Damaged:
            return otherwise
        return rows[0] if rows else otherwise
