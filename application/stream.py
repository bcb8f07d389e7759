"""One document's facts, as far as this node knows them: read, decided on, and added to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from application.changes import Change, DocumentChange, FileChange
from application.journal import JournalFailed, StaleWrite
from application.world import World
from domain import commands
from domain import file as files
from domain.commands import Command
from domain.deciding import decide
from domain.document import Document, evolve, replay
from domain.events import DocumentEvent
from domain.saving import decide_save

LATELY = timedelta(seconds=60)  # in which the node that brought a forgotten file back deletes it


class Stream:
    def __init__(self, key: str, world: World, entered: Callable[[], None]) -> None:
        """`entered` is called whenever the document's state is new."""
        self.document: Document | None = None
        self._key = key
        self._world = world
        self._entered = entered
        self._version = 0  # how many facts are in the document
        self._told = 0  # how many there are at least
        self._sure = False  # that we have not missed what we recorded ourselves
        self._fresh = False  # nothing is missing that was there when the last letter came

    @property
    def begun(self) -> bool:
        """Whether any fact of it was read."""
        return self._version > 0

    @property
    def behind(self) -> bool:
        return not self._sure or self._version < self._told

    def told(self, version: int) -> None:
        """There are so many facts."""
        self._told = max(self._told, version)

    def doubt(self) -> None:
        """What we know may not be what is recorded."""
        self._sure = False

    def asked(self) -> None:
        """A letter came: what others recorded until now must count in its answer."""
        self._fresh = False

    async def read(self) -> Sequence[DocumentEvent]:
        """What has been recorded since. Raises JournalFailed."""
        news = await self._world.journal.document_history(self._key, after=self._version)
        facts: list[DocumentEvent] = [recorded.event for recorded in news]  # type: ignore[misc]  # its own
        self._version = self._told = self._version + len(facts)
        self.document = replay(facts, self.document)
        self._sure = self._fresh = True
        return facts

    def settles(self, command: Command | None) -> bool:
        """Whether what is known is the answer: a look, or somebody who is let in again."""
        if self.behind or self._world.nodes.several:
            return False
        return command is None or (isinstance(command, commands.Admit) and not decide(self.document, command))

    def note_unchanged(self, cause: Command) -> None:
        """It was decided that nothing is to be recorded."""
        self._world.observer.decided(cause, self.document, (), ())

    async def make_sure(self) -> None:
        """Before an answer that nothing is recorded for. Raises StaleWrite, JournalFailed."""
        if self._fresh or not self._world.nodes.several:
            return
        if await self._world.journal.document_version(self._key) != self._version:
            raise StaleWrite(f"{self._key}: another node has recorded something")
        self._fresh = True

    def brought_back(self, offer: commands.TakeOffer) -> bool:
        """By another node, just now: what it is about to delete, or has deleted, is not forgotten anew."""
        end = self.document.settled.get(offer.offer) if self.document else None
        lately = end is not None and end.version is not None and offer.at - end.at < LATELY
        return self._world.nodes.several and lately

    async def decide(self, command: Command) -> None:
        await self._record(decide(self.document, command), cause=command)

    async def ignore(self, command: Command) -> None:
        """Nothing follows from it."""
        await self._record((), cause=command)

    async def commit(self, command: commands.CommitOffer | commands.TakeStored) -> None:
        """The save goes into both streams in one transaction, or into none."""
        document = self.document
        if document is None:
            await self.make_sure()
            return
        row = await self._world.journal.file(document.file)
        if row is None:
            raise JournalFailed(f"{self._key}: its file {document.file} is not in the journal")
        if isinstance(command, commands.TakeStored):
            command = replace(command, offer=replace(command.offer, live=row.live))
        thinned = await self._thinned(document, command.sha256, command.original_sha256)
        result = decide_save(self._key, document, row.file, command, thinned)
        changes: list[Change] = []
        if result.file:
            state = files.replay(result.file, row.file)
            assert state is not None
            changes = [FileChange(document.file, row.version, result.file, state)]
        await self._record(result.document, *changes, cause=command)

    async def _thinned(self, document: Document, *digests: str | None) -> frozenset[int]:
        """Of the versions that have these bytes, the numbers of those that are gone."""
        known = {document.versions[digest] for digest in digests if digest in document.versions}
        version = self._world.journal.version
        return frozenset({number for number in known if await version(document.file, number) is None})

    async def _record(self, events: Sequence[DocumentEvent], *others: Change, cause: Command) -> None:
        """Durable first, true second."""
        if not events:
            await self.make_sure()
            self.note_unchanged(cause)
            return
        before = document = self.document
        for event in events:
            document = evolve(document, event)
        assert document is not None
        change = DocumentChange(self._key, self._version, events, document, cause)
        await self._world.journal.append(change, *others)
        self._version += len(events)
        self.document = document
        self._world.observer.decided(cause, before, events, others)
        self._entered()
