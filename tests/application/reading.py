"""A log to be read as it grows, and readers of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

import trio

from application.changes import DocumentChange, FileChange, ReadingChange
from application.journal import Damaged, FileRow, Query, Recorded
from application.live import Feed
from application.people import AUDITOR, Person
from application.readers import Reader
from domain import document as documents
from domain import events
from domain import file as files
from domain.words import Access
from tests.fake_journal import FakeJournal
from tests.story import at, opened

ADA, BOB, EVE = Person("ada", "Ada"), Person("bob", "Bob"), Person("eve", "Eve", AUDITOR)


@dataclass
class Counting(FakeJournal):
    """Knows what it was asked, and which positions cannot be read any more."""

    pages: list[tuple[Query, int]] = field(
        default_factory=list
    )  # the question, and how many facts it brought
    rows: list[str] = field(default_factory=list)
    looks: int = 0
    damaged: set[int] = field(default_factory=set)

    async def facts(
        self, query: Query, *, before: int | None = None, after: int | None = None, limit: int = 100
    ) -> Sequence[Recorded]:
        found = await super().facts(query, before=before, after=after, limit=limit)
        if not self.damaged.isdisjoint(fact.position for fact in found):
            raise Damaged("that is no JSON")
        self.pages.append((query, len(found)))
        return found

    async def file(self, file_id: str) -> FileRow | None:
        self.rows.append(file_id)
        return await super().file(file_id)

    async def position(self) -> int:
        self.looks += 1
        return await super().position()

    async def names(self, users: Collection[str]) -> Mapping[str, str]:
        return {user: user.title() for user in users}


class Log:
    """Writes what a test needs, file by file."""

    def __init__(self, journal: FakeJournal) -> None:
        self.journal = journal

    async def add(self, file: str, owner: str = "ada", *shared: str) -> None:
        await self.tell_file(file, events.Added(at=at(), name=f"{file}.docx", owner=owner, owner_name=owner))
        for user in shared:
            await self.share(file, user)

    async def share(self, file: str, user: str, access: Access = Access.VIEW) -> None:
        await self.tell_file(file, events.Shared(at=at(), user=user, name=user, access=access, by="ada"))

    async def tell_file(self, file: str, *facts: events.FileEvent) -> None:
        row = self.journal.files_.get(file)
        state = files.replay(facts, row.file if row else None)
        assert state is not None
        await self.journal.append(FileChange(file, row.version if row else 0, facts, state))

    async def tell(self, file: str, *facts: events.DocumentEvent) -> None:
        """In the file's one session, whose key is that of the file with a k before it."""
        state, after = self.journal.documents_.get(f"k{file}", (None, 0))
        if state is None:
            facts = (replace(opened(), file=file), *facts)
        for fact in facts:
            state = documents.evolve(state, fact)
        assert state is not None
        await self.journal.append(DocumentChange(f"k{file}", after, facts, state))

    async def consult(self, reader: str, file: str | None = None) -> None:
        fact = events.Consulted(at=at(), user=reader, name=reader, address="::1", what="timeline", file=file)
        after = await self.journal.reading_version(reader)
        await self.journal.append(ReadingChange(reader, after, [fact]))


def tell(recorded: Recorded, names: Mapping[str, str]) -> bytes:
    fact = recorded.event
    address = getattr(fact, "address", "")
    return f"{recorded.position} {type(fact).__name__}{address and f' from {address}'}".encode()


class Desk:
    """The feed, with readers that are taken from until nothing more comes."""

    def __init__(self, feed: Feed, exits: ExitStack) -> None:
        self.feed, self._exits = feed, exits

    def reader(self, person: Person = EVE, after: int = 0, **query: str) -> Reader:
        reader = Reader(person, Query(**query), after)  # type: ignore[arg-type]
        self._exits.enter_context(self.feed.reading(reader))
        return reader

    async def all(self, reader: Reader) -> list[str]:
        told: list[str] = []
        while True:
            with trio.move_on_after(5) as waited:
                told += [text.decode() for text in await self.feed.take(reader)]
            if waited.cancelled_caught:
                return told


def following(journal: FakeJournal, nursery: trio.Nursery, exits: ExitStack, **more: int) -> Desk:
    feed = Feed(journal, tell, **more)
    nursery.start_soon(feed.run)
    return Desk(feed, exits)
