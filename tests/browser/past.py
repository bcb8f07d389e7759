"""A file with a past: three months of it, decided by the domain and written straight into the log."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from application.changes import Change, DocumentChange, FileChange
from domain import commands, events
from domain import document as documents
from domain import file as files
from domain.commands import Command
from domain.deciding import decide
from domain.document import Document
from domain.events import DocumentEvent, FileEvent
from domain.file import EVERYBODY, File
from domain.keys import document_key, user_id
from domain.offers import offer_id
from domain.saving import commit
from domain.words import Access, Mode, Next, Source, Trigger
from infrastructure.ids import new_id
from infrastructure.journal.sqlite.ledger import SqliteLedger

NAME = "Annual report 2026 – with everybody’s comments.docx"
HEBREW, HOSTILE = "דוד כהן", "<script>alert(1)</script>"
NAMES = {
    user_id(name): name for name in ("Ada", "Bob", "Clémence de Villeneuve-Saint-Georges", HEBREW, HOSTILE)
} | {user_id("local"): "You"}
ADA, BOB, CLEMENCE, DAVID, MALLORY, YOU = NAMES
RESULT = "http://server/cache/files/data/{}/output.docx/output.docx?md5=abc&expires=9999999999"
BUTTON, AUTO, FORM, FINAL = Trigger.BUTTON, Trigger.COMMAND, Trigger.FORM, Trigger.FINAL


class Past:
    """One file's stream, and the sessions that write to it."""

    def __init__(self, ledger: SqliteLedger, at: datetime) -> None:
        self._ledger = ledger
        self.id = new_id(at)
        self.file = File("", "", "")
        self.version = 0

    def write(self, *changes: Change) -> None:
        self._ledger.record([self._ledger.entry(changes)])

    def change(self, *facts: FileEvent) -> FileChange:
        state = files.replay(facts, self.file if self.version else None)
        assert state is not None
        change = FileChange(self.id, self.version, facts, state)
        self.file, self.version = state, self.version + len(facts)
        return change


class Session:
    def __init__(self, past: Past, at: datetime, user: str) -> None:
        self.past, self.at = past, at
        self.key = document_key(user, past.id, at)
        self.document: Document | None = None
        self.version = self.saves = 0
        self.do(
            commands.Open(
                file=past.id, name=NAME, filetype="docx", owner=past.file.owner, first=self._admit(user)
            )
        )

    def wait(self, seconds: float) -> Session:
        self.at += timedelta(seconds=seconds)
        return self

    def do(self, command: Command) -> None:
        self._write(decide(self.document, command), command)

    def admit(self, user: str, mode: Mode = Mode.EDIT) -> Session:
        self.do(self._admit(user, mode))
        return self

    def there(self, *users: str) -> Session:
        self.do(commands.NotePresence(at=self.at, users=users))
        return self

    def fail(self, source: Source, detail: str, next_: Next, offer: str | None = None) -> Session:
        self.do(
            commands.NoteFailure(at=self.at, source=source, detail=detail, attempt=1, next=next_, offer=offer)
        )
        return self

    def offer(self, trigger: Trigger, user: str) -> str:
        self.saves += 1
        url = RESULT.format(f"{self.key}_{self.saves}")
        status = 2 if trigger is FINAL else 6
        self.do(
            commands.TakeOffer(
                at=self.at,
                url=url,
                status=status,
                trigger=trigger,
                filetype="docx",
                users=(user,),
                lastsave=self.at - timedelta(seconds=2),
                notmodified=False,
            )
        )
        return offer_id(status, url)

    def store(self, offer: str) -> Session:
        self.wait(1)
        digest = sha256(offer.encode()).hexdigest()
        stored = commands.CommitOffer(at=self.at, offer=offer, sha256=digest, size=48_000 + 997 * self.saves)
        assert self.document is not None
        result = commit(self.key, self.document, self.past.file, stored)
        others = [self.past.change(*result.file)] if result.file else []
        self._write(result.document, stored, *others)
        self.do(commands.NoteReplied(at=self.at, status=6, http=200, error=0, seconds=1.2, offer=offer))
        return self

    def save(self, trigger: Trigger, user: str) -> Session:
        return self.store(self.offer(trigger, user))

    def end(self, user: str) -> Session:
        return self.there().wait(5).save(FINAL, user)

    def _admit(self, user: str, mode: Mode = Mode.EDIT) -> commands.Admit:
        return commands.Admit(
            at=self.at,
            user=user,
            name=NAMES[user],
            mode=mode,
            address="192.0.2.7",
            head=self.past.file.head,
            reuse=600,
        )

    def _write(self, facts: Sequence[DocumentEvent], command: Command, *others: Change) -> None:
        self.document = documents.replay(facts, self.document)
        assert self.document is not None
        self.past.write(DocumentChange(self.key, self.version, facts, self.document, command), *others)
        self.version += len(facts)


def write_past(database: Path, now: datetime | None = None) -> str:
    """The file's id. It is yours, and shared with everybody."""
    now = (now or datetime.now(UTC)).replace(microsecond=0)
    with closing(SqliteLedger(database)) as ledger:
        past = Past(ledger, now - timedelta(days=90))
        _begin(past, now - timedelta(days=90))
        _first_draft(past, now - timedelta(days=89, hours=3))
        _review(past, now - timedelta(days=41, hours=5))
        _conflict(past, now - timedelta(days=12, hours=1))
        _yesterday(past, now - timedelta(days=1, hours=2))
        return past.id


def _begin(past: Past, at: datetime) -> None:
    added = events.Added(at=at, name="Draft.docx", owner=YOU, owner_name="You")
    file = File("Draft.docx", YOU, "You")
    put = files.put(file, at=at, sha256="a" * 64, size=21_480, filetype="docx", by=YOU)
    shared = files.share(file, at=at, user=EVERYBODY, name="everybody", access=Access.EDIT, by=YOU)
    past.write(past.change(added, *put, *shared))
    past.write(past.change(*files.rename(past.file, at=at + timedelta(hours=2), name=NAME, by=YOU)))


def _first_draft(past: Past, at: datetime) -> None:
    session = Session(past, at, ADA).wait(3).there(ADA)
    for _ in range(9):
        session.wait(95).save(AUTO, ADA)
    session.admit(BOB).wait(4).there(ADA, BOB).wait(200).save(BUTTON, BOB)
    for _ in range(14):
        session.wait(60).save(AUTO, BOB)
    session.wait(40).there(BOB).wait(300).save(BUTTON, BOB).wait(20).end(BOB)


def _review(past: Past, at: datetime) -> None:
    session = Session(past, at, BOB).wait(3).there(BOB)
    session.admit(CLEMENCE).wait(5).there(BOB, CLEMENCE).wait(120).save(AUTO, BOB)
    session.admit(MALLORY, Mode.VIEW).wait(90).save(FORM, CLEMENCE)
    offer = session.wait(70).offer(AUTO, BOB)
    session.wait(2).fail(
        Source.DOWNLOAD, "The connection broke in the middle of the file.", Next.RETRY, offer
    )
    session.wait(8).store(offer).wait(60).admit(DAVID).wait(5).there(BOB, CLEMENCE, DAVID)
    for _ in range(6):
        session.wait(75).save(AUTO, DAVID)
    offer = session.wait(30).offer(BUTTON, DAVID)
    session.wait(3).fail(Source.VERIFICATION, "The bytes are no docx document.", Next.QUARANTINE, offer)
    session.wait(90).save(BUTTON, DAVID).wait(60).there(CLEMENCE).wait(200).end(CLEMENCE)


def _conflict(past: Past, at: datetime) -> None:
    session = Session(past, at, CLEMENCE).wait(3).there(CLEMENCE).wait(60).save(AUTO, CLEMENCE)
    put = files.put(past.file, at=session.wait(50).at, sha256="b" * 64, size=51_200, filetype="docx", by=ADA)
    past.write(past.change(*put))
    session.wait(70).save(BUTTON, CLEMENCE).wait(120).end(CLEMENCE)


def _yesterday(past: Past, at: datetime) -> None:
    session = Session(past, at, DAVID).wait(3).there(DAVID)
    session.fail(Source.COMMAND, "The Document Server does not answer commands.", Next.GO_ON).wait(100)
    session.do(commands.NoteResumed(at=session.at))
    session.admit(MALLORY).wait(90).save(AUTO, DAVID).wait(500).save(BUTTON, DAVID).wait(30).end(DAVID)
    session.wait(600)
    put = files.put(
        past.file,
        at=session.at,
        sha256="a" * 64,
        size=21_480,
        filetype="docx",
        by=YOU,
        trigger=Trigger.RESTORE,
        restored=1,
    )
    past.write(past.change(*put))
