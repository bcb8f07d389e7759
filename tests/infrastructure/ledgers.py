"""A real ledger to tamper with, and what somebody who knows how it is made could do to it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import psycopg
import trio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from application.changes import DocumentChange, FileChange, ReadingChange
from domain import document as documents
from domain import events, words
from domain import file as files
from domain.deciding import decide
from domain.events import DocumentEvent, FileEvent
from domain.words import Access, CloseReason
from infrastructure.evidence import Report, verify
from infrastructure.evidence.in_postgres import InPostgres
from infrastructure.evidence.inspecting import Inspection
from infrastructure.evidence.verifying import Verification, judged, silently
from infrastructure.journal import LedgerJournal, seals
from infrastructure.journal.postgres.connections import Overdue
from infrastructure.journal.postgres.dialect import rows as by_name
from infrastructure.journal.postgres.reading import PostgresSnapshot
from tests.databases import Cursor, Place, raw
from tests.story import admit, admitted, at, closed, forcesaved, joined, left, offered, opened, saved, take

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
FIRST = events.VersionAdded(
    at=at(1), number=1, sha256="a" * 64, size=7, trigger=words.Trigger.UPLOAD, filetype="docx", head=True
)
COLUMNS = (
    "originator_id",
    "originator_version",
    "topic",
    "state",
    "cause",
    "at",
    "file_id",
    "salt",
    "digest",
    "link",
)


class Writer:
    """Appends to streams, and knows how far each has come."""

    def __init__(self, journal: LedgerJournal) -> None:
        self.journal = journal
        self._documents: dict[str, tuple[DocumentEvent, ...]] = {}
        self._files: dict[str, tuple[FileEvent, ...]] = {}
        self._readings = 0

    def document(self, key: str, *facts: DocumentEvent, cause: Any = None) -> DocumentChange:
        before = self._documents.get(key, ())
        self._documents[key] = past = (*before, *facts)
        state = documents.replay(past)
        assert state is not None
        return DocumentChange(key, len(before), facts, state, cause)

    def decided(self, key: str, command: Any) -> DocumentChange:
        facts = decide(documents.replay(self._documents.get(key, ())), command)
        assert facts
        return self.document(key, *facts, cause=command)

    def file(self, id_: str, *facts: FileEvent) -> FileChange:
        before = self._files.get(id_, ())
        self._files[id_] = past = (*before, *facts)
        state = files.replay(past)
        assert state is not None
        return FileChange(id_, len(before), facts, state)

    def reading(self, *facts: events.Consulted) -> ReadingChange:
        self._readings += len(facts)
        return ReadingChange("ann", self._readings - len(facts), facts)

    async def story(self) -> None:
        """Two sessions of two files, and an auditor who reads about one."""
        append = self.journal.append
        for name in "fg":
            added = events.Added(at=at(), name=f"{name}.docx", owner="ada", owner_name="Ada")
            await append(self.file(name, added, FIRST))
        await append(self.document("k", opened(), admitted()))
        await append(self.document("m", replace(opened(), file="g"), admitted("bob")))
        await append(self.document("k", joined()), self.document("m", joined("bob")))
        await append(self.decided("k", admit("bob", 5)))
        shared = events.Shared(at=at(6), user="bob", name="Bob", access=Access.EDIT, by="ada")
        await append(self.file("f", shared))
        await append(self.decided("k", take()))
        version = replace(FIRST, at=at(31), number=2, key="k", users=("ada",))
        await append(self.document("k", forcesaved()), self.file("f", version))
        await append(
            self.reading(events.Consulted(at=at(40), user="ann", name="Ann", address="::1", what="f"))
        )
        await append(
            self.document("m", closed()), self.file("g", events.Renamed(at=at(41), name="h", by="bob"))
        )

    async def sequel(self) -> None:
        append = self.journal.append
        await append(self.document("k", left(), offered(2, 2, 60)))
        version = replace(FIRST, at=at(61), number=3, key="k", users=("ada",))
        await append(self.document("k", saved(), closed(CloseReason.SAVED)), self.file("f", version))
        added = events.Added(at=at(62), name="new.docx", owner="bob", owner_name="Bob")
        await append(self.file("n", added, FIRST, events.Renamed(at=at(63), name="newer.docx", by="bob")))


async def _write(place: Place, *, sequel_covered: bool) -> None:
    async with LedgerJournal.open(place) as journal:
        writer = Writer(journal)
        await writer.story()
        await journal.checkpoint(KEY.sign, at(50))
        await writer.sequel()
        if sequel_covered:
            await journal.checkpoint(KEY.sign, at(70))


def make(place: Place, *, sequel_covered: bool = True) -> Place:
    async def write() -> None:
        await _write(place, sequel_covered=sequel_covered)

    trio.run(write)
    return place


def checked(place: Place, **more: Any) -> Report:
    return verify(place, [KEY.public_key()], **more)


def copied(original: Path) -> Path:
    """Beside it, in the place of an earlier copy."""
    copy = original.with_name("copy.db")
    for ending in ("", "-wal", "-shm"):
        copy.with_name(f"{copy.name}{ending}").unlink(missing_ok=True)
    copy.write_bytes(original.read_bytes())
    return copy


def tampered(
    original: Place, how: Callable[[Any], None], anchors: Mapping[int, str] = MappingProxyType({})
) -> Report:
    """What a check finds after that was done to a copy. What the database refuses is raised."""
    if isinstance(original, str):
        return _tampered_in_a_transaction(original, how, anchors)
    path = copied(original)
    with raw(path) as database:
        how(database)
    return checked(path, anchors=anchors)


def _tampered_in_a_transaction(url: str, how: Callable[[Any], None], anchors: Mapping[int, str]) -> Report:
    """Looked at from inside, and never committed: PostgreSQL copies no database in no time."""
    with (
        closing(Overdue()) as overdue,
        closing(psycopg.connect(url, cursor_factory=Cursor, row_factory=by_name)) as database,
    ):
        how(database)
        inspection = Inspection(InPostgres(PostgresSnapshot(database, overdue, 30)))
        return judged(nullcontext(inspection), Verification([KEY.public_key()], anchors, silently))


@dataclass(frozen=True)
class Stored:
    position: int
    stream: str
    number: int
    topic: str

    @property
    def place(self) -> tuple[str, int]:
        return self.stream, self.number


def facts(database: Any) -> list[Stored]:
    sql = "SELECT position, originator_id, originator_version, topic FROM stored_events ORDER BY position"
    return [Stored(*row) for row in database.execute(sql)]


# -- what somebody who knows how it is made could do -----------------------------------------------------


def reseal(database: Any, stream: str) -> None:
    """All links of a stream computed anew, so that its chain is whole."""
    columns = "position, originator_version, topic, state, cause, salt"
    rows = database.execute(
        f"SELECT {columns} FROM stored_events WHERE originator_id = ? ORDER BY originator_version", (stream,)
    )
    link = seals.START
    for position, number, topic, state, cause, salt in rows.fetchall():
        link = seals.link(link, stream, number, topic, seals.digest(salt, state, cause))
        database.execute("UPDATE stored_events SET link = ? WHERE position = ?", (link, position))


def forge(database: Any, stream: str, number: int, position: int | None = None) -> None:
    """A fact that looks like any other, at this number."""
    state = json.dumps({"at": at(99).isoformat(), "user": "mallory"}).encode()
    file = database.execute("SELECT file_id FROM stored_events WHERE originator_id = ?", (stream,)).fetchone()
    row = (stream, number, "Left", state, events_at(99), file and file[0], bytes(16), bytes(32))
    insert(database, (last(database) + 1 if position is None else position, *row))


def insert(database: Any, row: tuple[Any, ...]) -> None:
    columns = "position, originator_id, originator_version, topic, state, at, file_id, salt, link"
    database.execute(f"INSERT INTO stored_events ({columns}) VALUES (?,?,?,?,?,?,?,?,?)", row)


def last(database: Any) -> int:
    """Position."""
    found: int = database.execute("SELECT max(position) FROM stored_events").fetchone()[0]
    return found


def events_at(seconds: float) -> str:
    return at(seconds).isoformat(timespec="microseconds")


def renumber(database: Any, stream: str, beyond: int, by: int) -> None:
    """All numbers of a stream beyond one moved up or down."""
    sql = "UPDATE stored_events SET originator_version = {} WHERE originator_id = ? AND originator_version {}"
    database.execute(sql.format("-(originator_version + ?)", "> ?"), (by, stream, beyond))
    database.execute(sql.format("-originator_version", "< 0"), (stream,))


def match_read_models(database: Any) -> None:
    """The rows made of the facts, and the sequence, told what stands there now."""
    number = "(SELECT max(originator_version) FROM stored_events WHERE originator_id = '{}/' || {})"
    for table, kind, id_ in (("documents", "document", "key"), ("files", "file", "id")):
        database.execute(f"UPDATE {table} SET version = {number.format(kind, id_)}")
        database.execute(f"DELETE FROM {table} WHERE version IS NULL")
    forget_given(database)


def forget_given(database: Any) -> None:
    """Nothing speaks any more of positions beyond the last."""
    beyond = "(SELECT max(position) FROM stored_events)"
    if isinstance(database, psycopg.Connection):
        database.execute(f"DELETE FROM named WHERE position > {beyond}")
    else:
        database.execute(f"UPDATE sqlite_sequence SET seq = {beyond}")


def named(report: Report) -> Sequence[tuple[Any, Any]]:
    return [(finding.stream, finding.number) for finding in report.findings]
