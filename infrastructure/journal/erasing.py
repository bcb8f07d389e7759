"""Taking out of recorded facts what must not be kept, while others go on recording. Blocking.

Each transaction rewrites facts of one stream and records what is left of them, so that it can be
killed at any moment and begun again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from eventsourcing.persistence import IntegrityError

from application.changes import Change, DocumentChange, FileChange, ReadingChange
from application.people import introduced
from domain import document as documents
from domain import events
from domain import file as files
from domain.erasure import without_addresses, without_names, without_person
from domain.file import EVERYBODY
from infrastructure.journal import seals
from infrastructure.journal.events_table import stamp
from infrastructure.journal.ledger import Ledger, Rewrite
from infrastructure.journal.mapper import to_fact
from infrastructure.journal.queries import LAST

STEP = 5000  # positions looked at in one go
MOST = 500  # facts rewritten in one transaction
ATTEMPTS = 50  # at a stream that others keep writing to
COLUMNS = "position, originator_id, originator_version, topic, state, cause, salt, digest"
STREAM = f"SELECT {COLUMNS} FROM stored_events WHERE originator_id = ? ORDER BY originator_version"  # noqa: S608
NAMES = """SELECT topic, state FROM named JOIN stored_events USING (position)
    WHERE "user" = ? AND topic IN ('Admitted', 'Added', 'Shared', 'Consulted')"""
KNOWN = "SELECT name FROM people WHERE id = ?"
NAMED = 'SELECT 1 FROM named WHERE "user" = ? LIMIT 1'
FORGET = "DELETE FROM people WHERE id = ?"
EDITING = "SELECT key, users FROM documents WHERE state <> 'closed' AND instr(users, ?) > 0"
DAMAGE = (AttributeError, KeyError, TypeError, ValueError)  # what unlikely facts raise


@dataclass(frozen=True, slots=True)
class Erasure:
    """What is to be taken out, and which facts may have it."""

    user: str  # whose; EVERYBODY for all
    clean: Callable[[Any], Any]
    where: str
    parameters: tuple[Any, ...]


def of_person(user: str) -> Erasure:
    """The id finds the facts: also those of the server's history, which no index knows."""
    where = "(instr(state, ?) > 0 OR instr(cause, ?) > 0)"
    return Erasure(user, partial(without_person, user=user), where, (user.encode(), user.encode()))


def of_names(user: str, names: frozenset[str]) -> Erasure:
    """Where others name the person in free text."""
    return Erasure(user, partial(without_names, names=names), "topic IN ('Errored', 'Consulted')", ())


def of_addresses(before: datetime) -> Erasure:
    where = """at < ? AND (instr(state, '"address":"') > 0 OR instr(cause, '"address":"') > 0)"""
    return Erasure(EVERYBODY, without_addresses, where, (stamp(before),))


class Unreadable(Exception):
    """A stream whose facts are not what was recorded."""


class Eraser:
    def __init__(self, ledger: Ledger, by: str, now: Callable[[], datetime]) -> None:
        """`by` is the id of who asks for it."""
        self._ledger = ledger
        self._by = by
        self._now = now

    def knows(self, user: str) -> bool:
        return bool(self._query(NAMED, (user,)))

    def names(self, user: str) -> frozenset[str]:
        """All that the person is still known under."""
        names = {row["name"] for row in self._query(KNOWN, (user,))}
        for row in self._query(NAMES, (user,)):
            with suppress(*DAMAGE):  # `erase` will say so
                names.add(introduced([to_fact(row["topic"], json.loads(row["state"]))]).get(user, ""))
        return frozenset(names - {""})

    def editing(self, user: str) -> Sequence[str]:
        """Keys of what the person edits now."""
        rows = self._query(EDITING, (user,))
        return [row["key"] for row in rows if user in json.loads(row["users"])]

    def length(self) -> int:
        """How many positions there are to look at."""
        return self._query(LAST, ())[0][0] or 0

    def find(
        self, erasure: Erasure, looked: Callable[[int], None] = lambda _: None, *, beyond: int = 0
    ) -> Mapping[str, int]:
        """In which streams how many facts have it; one that cannot be read counts as well."""
        found: Counter[str] = Counter()
        sql = f"SELECT {COLUMNS} FROM stored_events WHERE position > ? AND position <= ? AND {erasure.where}"  # noqa: S608
        end = self.length()
        for after in range(beyond, end, STEP):
            for row in self._query(sql, (after, after + STEP, *erasure.parameters)):
                found[row["originator_id"]] += _is_concerned(row, erasure)
            looked(min(STEP, end - after))
        return +found

    def erase(self, stream: str, erasure: Erasure) -> int:
        """How many facts were rewritten. Raises Unreadable, and the library's IntegrityError for a stream
        that is never quiet.
        """
        done = stale = 0
        while True:
            rows = self._query(STREAM, (stream,))
            try:
                change, rewritten = self._change(stream, rows, erasure)
            except DAMAGE as damage:
                raise Unreadable(f"{stream}: {damage!r}") from damage
            if not rewritten:
                return done
            try:
                self._ledger.record([self._ledger.entry([change])], rewritten)
                done += len(rewritten)
            except IntegrityError:  # somebody has recorded meanwhile: read again
                stale += 1
                if stale == ATTEMPTS:
                    raise

    def forget_name(self, user: str) -> None:
        self._ledger.views.note(lambda cursor: cursor.execute(FORGET, (user,)))

    def _change(self, stream: str, rows: Sequence[Any], erasure: Erasure) -> tuple[Change, list[Rewrite]]:
        facts: list[Any] = []
        rewritten: list[Rewrite] = []
        left: dict[str, str] = {}
        sealed = _sealed(rows)
        for row in rows:
            texts = _cleaned(row, erasure) if len(rewritten) < MOST else None
            if texts:
                rewritten.append((*texts, _first_digest(row, sealed), row["position"]))
                left[str(row["originator_version"])] = seals.what_is_left(*texts)
            facts.append(to_fact(row["topic"], json.loads(texts[0] if texts else row["state"])))
        redacted = events.Redacted(at=self._now(), user=erasure.user, by=self._by, left=left)
        return _change(stream, facts, redacted), rewritten

    def _query(self, sql: str, parameters: Sequence[Any]) -> list[Any]:
        return self._ledger.views.query(sql, parameters, lambda row: row)


def _is_concerned(row: Any, erasure: Erasure) -> bool:
    try:
        return _cleaned(row, erasure) is not None
    except DAMAGE:
        return True  # for `erase` to say so


def _cleaned(row: Any, erasure: Erasure) -> tuple[bytes, bytes | None] | None:
    """The new texts; None where nothing is to be taken out."""
    state, cause = json.loads(row["state"]), json.loads(row["cause"] or "null")
    new_state, new_cause = erasure.clean(state), cause and erasure.clean(cause)
    if (new_state, new_cause) == (state, cause):
        return None
    return _text(new_state), _text(new_cause) if new_cause else None


def _sealed(rows: Sequence[Any]) -> Mapping[str, str]:
    """What earlier redactions have left of which facts; the last has the last word."""
    sealed: dict[str, str] = {}
    for row in rows:
        if row["topic"] == "Redacted":
            sealed |= json.loads(row["state"])["left"]
    return sealed


def _first_digest(row: Any, sealed: Mapping[str, str]) -> bytes:
    """Raises ValueError rather than seal what somebody else has put in the place of what was left."""
    if not row["digest"]:
        return seals.digest(row["salt"], row["state"], row["cause"])
    number = row["originator_version"]
    if sealed.get(str(number)) != seals.what_is_left(row["state"], row["cause"]):
        raise ValueError(f"event {number} was changed after it had been redacted")
    digest: bytes = row["digest"]
    return digest


def _text(plain: Any) -> bytes:
    return json.dumps(plain, separators=(",", ":"), ensure_ascii=False).encode()


def _change(stream: str, facts: Sequence[Any], redacted: events.Redacted) -> Change:
    kind, _, id_ = stream.partition("/")
    history = [*facts, redacted]
    if kind == "reader":
        return ReadingChange(id_, len(facts), [redacted])
    if kind == "file":
        file = files.replay(history)
        assert file is not None
        return FileChange(id_, len(facts), [redacted], file)
    document = documents.replay(history)
    assert document is not None
    return DocumentChange(id_, len(facts), [redacted], document)
