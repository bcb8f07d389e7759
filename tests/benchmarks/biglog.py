"""A big log, made quickly and kept: a year of a team's work, as the service itself would have recorded it.

    python -m tests.benchmarks.biglog FOLDER [--documents 100000]

FOLDER becomes a DATA_DIR without bytes. Every fact about a session is decided by the domain, on commands
that are recorded beside it.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from random import Random

import click

from application.changes import Change, DocumentChange, FileChange, ReadingChange
from domain import commands, events
from domain import document as documents
from domain import file as files
from domain.commands import Command
from domain.deciding import decide
from domain.document import Document
from domain.events import DocumentEvent, FileEvent
from domain.file import File
from domain.keys import document_key, user_id
from domain.offers import offer_id
from domain.saving import commit
from domain.words import Access, Mode, Next, Source, Trigger
from infrastructure.ids import new_id
from infrastructure.journal.sqlite.ledger import Entry, SqliteLedger

START = datetime(2025, 11, 1, tzinfo=UTC)
YEAR = timedelta(days=365)
BATCH = 4000  # facts in one transaction
GIVEN = (
    "Ada",
    "Ben",
    "Cyd",
    "Dot",
    "Eli",
    "Fay",
    "Gus",
    "Hal",
    "Ivy",
    "Jan",
    "Kit",
    "Lea",
    "Max",
    "Nan",
    "Oda",
)
FAMILY = (
    "Ames",
    "Bell",
    "Cole",
    "Dahl",
    "Egan",
    "Ford",
    "Gray",
    "Hill",
    "Iver",
    "Jung",
    "Kerr",
    "Lind",
    "Moss",
)
RESULT = "http://office.example/cache/files/data/{}/output.docx/output.docx?md5=abc&expires=9999999999"


@dataclass(frozen=True, slots=True)
class Landmarks:
    """What is worth asking such a log for."""

    documents: int
    facts: int
    files: int
    hot: Sequence[str]  # files with a great many facts
    quiet: str  # a hot file that the busy one hardly touched
    long: str  # the key of a session with a great many saves
    usual: str  # a file like most
    busy: str  # whom nearly every session names
    busy_name: str
    early: str  # after which there is nothing of the type Reinstated
    last: str


@dataclass
class Kept:
    """A file as it stands."""

    id: str
    file: File
    version: int
    busy: bool = False  # somebody has it open
    automatic: list[int] = field(default_factory=list)  # versions that may be thinned out


@dataclass
class Book:
    """Where everything is written, in the order in which it happens."""

    ledger: SqliteLedger
    facts: int = 0
    _waiting: list[Entry] = field(default_factory=list)
    _facts_waiting: int = 0

    def write(self, *changes: Change) -> None:
        count = sum(len(change.events) for change in changes)
        self._waiting.append(self.ledger.entry(changes))
        self.facts += count
        self._facts_waiting += count
        if self._facts_waiting >= BATCH:
            self.flush()

    def flush(self) -> None:
        self.ledger.record(self._waiting)
        self._waiting, self._facts_waiting = [], 0

    def change(self, kept: Kept, *facts: FileEvent) -> FileChange:
        state = files.replay(facts, kept.file if kept.version else None)
        assert state is not None
        kept.automatic += [
            fact.number
            for fact in facts
            if isinstance(fact, events.VersionAdded) and fact.trigger is Trigger.COMMAND
        ]
        change = FileChange(kept.id, kept.version, facts, state)
        kept.file, kept.version = state, kept.version + len(facts)
        return change


@dataclass
class Session:
    book: Book
    kept: Kept
    key: str
    document: Document | None = None
    version: int = 0
    saves: int = 0

    def do(self, command: Command) -> None:
        self._write(decide(self.document, command), command)

    def save(self, at: datetime, trigger: Trigger, users: Sequence[str], chance: Random) -> None:
        """Offered, fetched, stored, answered; now and then not at the first attempt."""
        self.saves += 1
        status = 2 if trigger is Trigger.FINAL else 6
        url = RESULT.format(f"{self.key}_{self.saves}")
        offer, digest = offer_id(status, url), sha256(url.encode()).hexdigest()
        later = at + timedelta(seconds=chance.uniform(0.05, 3))
        by = {"id": users[0], "name": NAMES[users[0]]}
        history = {"serverVersion": "9.3.0", "changes": [{"created": f"{at:%Y-%m-%d %H:%M:%S}", "user": by}]}
        self.do(
            commands.TakeOffer(
                at=at,
                url=url,
                status=status,
                trigger=trigger,
                filetype="docx",
                users=tuple(users),
                history=history,
                lastsave=at - timedelta(seconds=chance.uniform(0, 20)),
                notmodified=False,
            )
        )
        if chance.random() < 0.03:
            detail = "The Document Server could not be reached."
            self.do(
                commands.NoteFailure(
                    at=later, source=Source.DOWNLOAD, detail=detail, attempt=1, next=Next.RETRY, offer=offer
                )
            )
        stored = commands.CommitOffer(
            at=later, offer=offer, sha256=digest, size=chance.randrange(8000, 90000)
        )
        assert self.document is not None
        result = commit(self.key, self.document, self.kept.file, stored)
        self._write(
            result.document, stored, *([self.book.change(self.kept, *result.file)] if result.file else [])
        )
        took = (later - at).total_seconds()
        self.do(commands.NoteReplied(at=later, status=status, http=200, error=0, seconds=took, offer=offer))

    def _write(self, facts: Sequence[DocumentEvent], command: Command, *others: Change) -> None:
        if facts:
            self.document = documents.replay(facts, self.document)
            assert self.document is not None
            change = DocumentChange(self.key, self.version, facts, self.document, command)
            self.book.write(change, *others)
            self.version += len(facts)


NAMES = {user_id(f"{n}"): f"{GIVEN[n % 15]} {FAMILY[n % 13]}" for n in range(400)}  # some namesakes
PEOPLE = list(NAMES)
BUSY = PEOPLE[0]


class Town:
    def __init__(self, book: Book, count: int, seed: int) -> None:
        self.book, self.chance = book, Random(seed)
        self.count, self.gap = count, YEAR / count
        self.files: list[Kept] = []
        self.hot = [self.added(START, PEOPLE[n]) for n in range(4)]
        self.reinstated = self.readings = 0
        self.long = ""
        self.early = START + YEAR / 50

    def live(self) -> Iterator[None]:
        """One step for each session that begins."""
        under_way: list[tuple[datetime, int, Iterator[datetime]]] = []
        for number in range(self.count):
            at = START + self.gap * (number + self.chance.random() / 2)
            while under_way and under_way[0][0] < at:
                _, order, session = heapq.heappop(under_way)
                self._go_on(under_way, order, session)
            self._errand(at, number)
            self._go_on(under_way, number, self._session(at, number))
            yield
        while under_way:
            _, order, session = heapq.heappop(under_way)
            self._go_on(under_way, order, session)
        self.book.flush()

    @staticmethod
    def _go_on(
        under_way: list[tuple[datetime, int, Iterator[datetime]]], order: int, session: Iterator[datetime]
    ) -> None:
        if then := next(session, None):
            heapq.heappush(under_way, (then, order, session))

    def added(self, at: datetime, owner: str) -> Kept:
        kept = Kept(new_id(at), File("", "", ""), 0)
        name = f"Report {len(self.files)}.docx"
        facts: list[FileEvent] = [events.Added(at=at, name=name, owner=owner, owner_name=NAMES[owner])]
        first = sha256(kept.id.encode()).hexdigest()
        facts += files.put(File(name, owner, ""), at=at, sha256=first, size=9000, filetype="docx", by=owner)
        if self.chance.random() < 0.2:
            who = self.chance.choice(PEOPLE)
            facts += files.share(
                File(name, owner, ""), at=at, user=who, name=NAMES[who], access=Access.EDIT, by=owner
            )
        self.book.write(self.book.change(kept, *facts))
        self.files.append(kept)
        return kept

    def _session(self, at: datetime, number: int) -> Iterator[datetime]:
        """When it goes on, each time that it has done something."""
        kept = self._file(at)
        kept.busy = True
        others = PEOPLE[1:]
        shy = kept is self.hot[1] and number > self.count // 100
        first = self.chance.choice(others) if shy or self.chance.random() < 0.1 else BUSY
        people = [first, *self.chance.sample(others, k=self.chance.choice((0, 0, 0, 1, 2)))]
        session = Session(self.book, kept, document_key(first, kept.id, at))
        admit = self._admit(at, first, kept)
        session.do(
            commands.Open(
                file=kept.id, name=kept.file.name, filetype="docx", owner=kept.file.owner, first=admit
            )
        )
        endless = number == self.count // 2
        fate = 1.0 if endless else self.chance.random()
        if fate < 0.32:  # nobody ever came
            yield (at := at + timedelta(minutes=10))
            session.do(commands.CloseUnknown(at=at))
        else:
            if endless:
                self.long = session.key
            saves = self._saves(endless=endless) if fate > 0.48 else 0
            yield from self._edited(session, at, people, saves)
        kept.busy = False

    def _saves(self, *, endless: bool) -> int:
        if endless:
            return self.count // 20
        return min(20, int(self.chance.expovariate(0.55)))

    def _edited(
        self, session: Session, at: datetime, people: Sequence[str], saves: int
    ) -> Iterator[datetime]:
        chance = self.chance
        for count, user in enumerate(people, start=1):
            yield (at := at + timedelta(seconds=chance.uniform(1, 20)))
            session.do(self._admit(at, user, session.kept))
            session.do(commands.NotePresence(at=at, users=tuple(people[:count])))
        for _ in range(saves):
            yield (at := at + timedelta(seconds=chance.uniform(30, 200)))
            trigger = chance.choice((Trigger.COMMAND, Trigger.COMMAND, Trigger.BUTTON))
            session.save(at, trigger, people[:1], chance)
        for count in reversed(range(len(people))):
            yield (at := at + timedelta(seconds=chance.uniform(10, 100)))
            if count:
                session.do(commands.NotePresence(at=at, users=tuple(people[:count])))
            elif saves:
                session.do(commands.NotePresence(at=at, users=()))
                session.save(at, Trigger.FINAL, people[:1], chance)
            else:
                session.do(commands.CloseUnchanged(at=at + timedelta(seconds=30)))

    def _admit(self, at: datetime, user: str, kept: Kept) -> commands.Admit:
        address = f"10.0.{PEOPLE.index(user)}.{self.chance.randrange(1, 3)}"
        return commands.Admit(
            at=at,
            user=user,
            name=NAMES[user],
            mode=Mode.EDIT,
            address=address,
            head=kept.file.head,
            reuse=600,
        )

    def _file(self, at: datetime) -> Kept:
        chance = self.chance.random()
        if chance < 0.06 and not (hot := self.hot[int(chance * 50)]).busy:
            return hot
        if chance < 0.8 and self._idle(some := self.chance.choice(self.files)):
            return some
        return self.added(at, self.chance.choice(PEOPLE))

    def _idle(self, kept: Kept) -> bool:
        return not kept.busy and not kept.file.removed and kept not in self.hot

    def _errand(self, at: datetime, number: int) -> None:
        """What people do now and then outside the editor, and who reads the log."""
        kept, by = self.chance.choice(self.files), self.chance.choice(PEOPLE)
        if number % 50 == 0:
            self.book.write(
                self.book.change(kept, *files.rename(kept.file, at=at, name=f"{number}.docx", by=by))
            )
        if number % 97 == 0 and self._idle(kept):
            facts = files.remove(kept.file, at=at, by=by)
            if at < self.early:
                self.reinstated += 1
                facts = (*facts, events.Reinstated(at=at, by=by))
            if facts:
                self.book.write(self.book.change(kept, *facts))
        hot = self.hot[number % 4]
        if number % 1000 == 0 and (gone := hot.automatic[:-50]):
            hot.automatic = hot.automatic[-50:]
            self.book.write(self.book.change(hot, events.Thinned(at=at, numbers=tuple(gone))))
        if number % 60 == 0:
            auditor = user_id("auditor")
            fact = events.Consulted(
                at=at,
                user=auditor,
                name="Eve Auditor",
                address="10.0.0.9",
                what="the file’s history",
                file=kept.id,
            )
            self.book.write(ReadingChange(auditor, self.readings, [fact]))
            self.readings += 1


def made(folder: Path, count: int = 100_000, seed: int = 1, *, progress: bool = False) -> Landmarks:
    """The log in that folder; it is made there unless it is there already."""
    known = folder / "biglog.json"
    if known.exists() and (told := Landmarks(**json.loads(known.read_text()))).documents == count:
        return told
    (folder / "docledger.db").unlink(missing_ok=True)
    with closing(SqliteLedger(folder / "docledger.db")) as ledger:
        town = Town(Book(ledger), count, seed)
        with click.progressbar(town.live(), count, hidden=not progress) as steps:
            for _ in steps:
                pass
        landmarks = Landmarks(
            documents=count,
            facts=town.book.facts,
            files=len(town.files),
            hot=[kept.id for kept in town.hot],
            quiet=town.hot[1].id,
            long=town.long,
            usual=town.files[len(town.files) // 2].id,
            busy=BUSY,
            busy_name=NAMES[BUSY],
            early=town.early.isoformat(),
            last=(START + YEAR).isoformat(),
        )
    known.write_text(json.dumps(asdict(landmarks), indent=1))
    return landmarks


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--documents", default=100_000, show_default=True)
@click.option("--seed", default=1, show_default=True)
def main(folder: Path, documents: int, seed: int) -> None:
    click.echo(json.dumps(asdict(made(folder, documents, seed, progress=True)), indent=1))


if __name__ == "__main__":
    main()
