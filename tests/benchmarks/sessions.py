"""Open documents for a log, made as the service makes them: every fact about a session is decided."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

import click

from application.changes import Change, DocumentChange, FileChange
from domain import commands, events
from domain import document as documents
from domain import file as files
from domain.commands import Command
from domain.deciding import decide
from domain.document import Document
from domain.events import FileEvent
from domain.file import File
from domain.keys import document_key, user_id
from domain.words import Mode
from infrastructure.blobs import LocalBlobs
from infrastructure.ids import new_id
from infrastructure.journal.databases import ledger_at
from infrastructure.journal.ledger import Ledger
from tests.benchmarks.words import word

CONTENT = word("What every file begins with.")
DIGEST = sha256(CONTENT).hexdigest()
PEOPLE = 1000
BATCH = 500  # documents in a transaction
MINUTE = timedelta(minutes=1)


@dataclass
class Session:
    """One document of one person's; `changes` are what is still to be recorded."""

    name: str
    at: datetime
    file: str = ""
    key: str = ""
    document: Document | None = None
    version: int = 0
    changes: list[Change] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.user = user_id(self.name)
        self.file = new_id(self.at)
        self.key = document_key(self.user, self.file, self.at)
        file = self._add()
        admit = commands.Admit(
            at=self.at,
            user=self.user,
            name=self.name,
            mode=Mode.EDIT,
            address="10.0.0.1",
            head=file.head,
            reuse=600,
        )
        self.tell(
            commands.Open(file=self.file, name=file.name, filetype="docx", owner=self.user, first=admit)
        )
        self.present(self.user)

    def present(self, *users: str, seconds: float = 1) -> None:
        self.tell(commands.NotePresence(at=self.at + timedelta(seconds=seconds), users=users))

    def leave(self) -> None:
        """Everybody is gone, and the server keeps changes that it will deliver to whoever comes next."""
        self.present(seconds=2)
        self.tell(commands.NoteOrphaned(at=self.at + 3 * MINUTE, since=self.at + MINUTE))

    def tell(self, command: Command) -> None:
        facts = decide(self.document, command)
        assert facts
        self.document = documents.replay(facts, self.document)
        assert self.document is not None
        self.changes.append(DocumentChange(self.key, self.version, facts, self.document, command))
        self.version += len(facts)

    def _add(self) -> File:
        name = f"{self.name}.docx"
        facts: list[FileEvent] = [
            events.Added(at=self.at, name=name, owner=self.user, owner_name=self.name),
            *files.put(
                File(name, self.user, self.name),
                at=self.at,
                sha256=DIGEST,
                size=len(CONTENT),
                filetype="docx",
                by=self.user,
            ),
        ]
        state = files.replay(facts)
        assert state is not None
        self.changes.append(FileChange(self.file, 0, facts, state))
        return state


@dataclass(frozen=True, slots=True)
class Seeded:
    """A log with open documents."""

    people: dict[str, str]  # who edits each, by key; empty where nobody does
    files: list[tuple[str, str]]  # with somebody who may open it

    @property
    def edited(self) -> int:
        return sum(map(bool, self.people.values()))


def seeded(place: Path | str, count: int, edited: float, at: datetime) -> Seeded:
    """Documents opened then, with an editor in a part of them."""
    log = Seeded({}, [])
    with closing(ledger_at(place)) as ledger, click.progressbar(length=count, label="Opening") as bar:
        for batch in recorded(ledger, _sessions(count, edited, at)):
            for session in batch:
                assert session.document is not None
                log.people[session.key] = session.user if session.document.users else ""
                log.files.append((session.file, session.name))
            bar.update(len(batch))
    return log


def _sessions(count: int, edited: float, at: datetime) -> Iterator[Session]:
    for number in range(count):
        session = Session(f"person {number % PEOPLE}", at)
        if number >= edited * count:
            session.leave()
        yield session


async def keep_content(folder: Path) -> None:
    """What they all begin with, in a folder of blobs."""

    async def chunks() -> AsyncIterator[bytes]:
        yield CONTENT

    blob = await LocalBlobs(folder).keep(chunks(), limit=len(CONTENT))
    assert blob.sha256 == DIGEST


def recorded(ledger: Ledger, sessions: Iterator[Session]) -> Iterator[Sequence[Session]]:
    """Batch by batch, once it is durable."""
    batch: list[Session] = []
    for session in sessions:
        batch.append(session)
        if len(batch) == BATCH:
            yield _record(ledger, batch)
            batch = []
    yield _record(ledger, batch)


def _record(ledger: Ledger, batch: Sequence[Session]) -> Sequence[Session]:
    if batch:
        ledger.record([ledger.entry(session.changes) for session in batch])
        for session in batch:
            session.changes.clear()
    return batch
