"""The document actor: one task, one mailbox, one writer, so no locks anywhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial

import trio
from outcome import Error, Outcome, Value

from application.changes import Change, DocumentChange, FileChange
from application.fetching import Fetch
from application.fetching import Outcome as Fetched
from application.journal import JournalFailed, StaleWrite
from application.letters import Letter
from application.schedule import Schedule
from application.server_errands import ask_info, send_forcesave
from application.world import World
from domain import commands
from domain import file as files
from domain.commands import Command
from domain.deciding import decide
from domain.document import Document, evolve, replay
from domain.events import DocumentEvent
from domain.saving import decide_save
from domain.words import Next

ATTEMPTS = 5  # at a write that others keep overtaking
RELOAD = 5.0  # seconds between two attempts to read a journal that fails


class DocumentActor:
    def __init__(self, key: str, world: World) -> None:
        self.key = key
        self.document: Document | None = None
        self.news = trio.Event()  # set, and replaced, whenever the document may have changed
        self._world = world
        self._version = 0
        self._loaded = False
        self._fetches: dict[str, Fetch] = {}
        self._busy = 0  # errands under way
        # No buffer: a letter is in the actor's hands or still in the sender's, never between.
        self._door, self._inbox = trio.open_memory_channel[Letter](0)
        self.schedule = Schedule(key, world.patience)
        self.faults = 0  # of the auto-save, in a row

    async def ask(self, command: Command | None) -> Document | None:
        """Hand over a command and wait for the document it leads to.

        Raises JournalFailed, and StaleWrite for an Open or Admit that lost its race.
        """
        letter = Letter(command)
        await self._door.send(letter)
        return (await letter.answer.receive()).unwrap()

    async def run(self) -> None:
        """Replay the past, then answer one letter at a time until nothing is worth waiting for."""
        # The inbox closes last and nothing awaits after it, so whoever is turned away at the
        # door finds that the desk has already forgotten us.
        with self._inbox:
            async with trio.open_nursery() as self._errands:
                while True:
                    letter = None
                    with trio.CancelScope(deadline=self._due()) as self._pause:
                        letter = await self._inbox.receive()
                    if letter:
                        with letter.reply:
                            letter.reply.send_nowait(await self._answer(letter.command))
                    elif not await self._on_time():
                        break
        self._tell()

    def _due(self) -> float:
        if not self._loaded:
            return self.schedule.reload_at
        return self.schedule.due(self.document, busy=self._busy > 0)

    async def _on_time(self) -> bool:
        """Do what is due. False when there is nothing left to wait for."""
        if not self._loaded:
            return await self._load_or_wait()
        now = trio.current_time()
        if self.schedule.rested(self.document, now, busy=self._busy > 0):
            return False
        if self.schedule.autosave_due(self.document, now):
            self.schedule.autosave_began(now)
            self._start(partial(send_forcesave, self.key, self._world, self))
        if self.schedule.info_due(self.document, now):
            self.schedule.info_began()
            self._start(partial(ask_info, self.key, self._world, self))
        return True

    async def _load_or_wait(self) -> bool:
        try:
            await self._load()
        except JournalFailed:
            self.schedule.reload_at = trio.current_time() + RELOAD
        return True

    async def _load(self) -> None:
        history = await self._world.journal.document_history(self.key)
        first = self.document is None
        self._version = len(history)
        self.document = replay(r.event for r in history)  # type: ignore[misc]  # its own stream
        self._loaded = True
        if first:
            self.schedule.taken_up(self.document, trio.current_time(), self._world.now())
        self._enter()

    async def _answer(self, command: Command | None) -> Outcome[Document | None]:
        try:
            for _ in range(ATTEMPTS):
                try:
                    if not self._loaded:
                        await self._load()
                    if command is not None:
                        self._notice(command)
                        await self._obey(command)
                    return Value(self.document)
                except StaleWrite as stale:
                    self._loaded = False
                    if isinstance(command, commands.Open | commands.Admit):
                        return Error(stale)  # the file has another live key now: the asker looks again
            raise JournalFailed(f"{self.key}: others keep writing first")
        except JournalFailed as trouble:
            self._loaded = False  # whether it was recorded is not known
            return Error(trouble)

    def _notice(self, command: Command) -> None:
        """What matters for the time being only: when we last heard of whom, and fresh urls."""
        now = trio.current_time()
        match command:
            case commands.Admit(mode=mode, at=at) | commands.Open(first=commands.Admit(mode=mode, at=at)) if (
                mode.joins
            ):
                self.schedule.admitted(now, at)
            case commands.NotePresence() | commands.TakeOffer() | commands.CloseUnchanged():
                self.schedule.heard(now, unchanged=isinstance(command, commands.CloseUnchanged))
        if isinstance(command, commands.TakeOffer):
            fetch = self._fetches.get(command.offer)
            if fetch:
                fetch.renew(command)

    async def _obey(self, command: Command) -> None:
        match command:
            case commands.CommitOffer() | commands.TakeStored():
                await self._commit(command)
            case commands.NotePresence() | commands.TakeOffer() if self.document and self.document.closed:
                row = await self._world.journal.file(self.document.file)
                live = row.live if row else None
                await self._decide(replace(command, live=live))
            case commands.CloseUnchanged():
                await self._decide(replace(command, admitted=self.schedule.admitted_at))
                self.schedule.doubt(self.document, trio.current_time())
            case commands.NoteOrphaned():
                await self._decide(replace(command, admitted=self.schedule.admitted_at))
            case _:
                await self._decide(command)

    async def _decide(self, command: Command) -> None:
        await self._record(decide(self.document, command), cause=command)

    async def _commit(self, command: commands.CommitOffer | commands.TakeStored) -> None:
        """The save goes into both streams in one transaction, or into none."""
        document = self.document
        if document is None:
            return
        row = await self._world.journal.file(document.file)
        if row is None:
            raise JournalFailed(f"{self.key}: its file {document.file} is not in the journal")
        if isinstance(command, commands.TakeStored):
            command = replace(command, offer=replace(command.offer, live=row.live))
        thinned = await self._thinned(document, command.sha256, command.original_sha256)
        result = decide_save(self.key, document, row.file, command, thinned)
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
            self._world.observer.decided(cause, self.document, (), ())
            return
        before = document = self.document
        for event in events:
            document = evolve(document, event)
        assert document is not None
        change = DocumentChange(self.key, self._version, events, document, cause)
        await self._world.journal.append(change, *others)
        self._version += len(events)
        self.document = document
        self._world.observer.decided(cause, before, events, others)
        self._enter()

    def _enter(self) -> None:
        """Do what the state calls for; waking after a crash comes through here too."""
        document = self.document
        offers = document.offers if document else {}
        self._fetches = {id_: fetch for id_, fetch in self._fetches.items() if id_ in offers}
        filetype = document.filetype if document else ""
        for id_, offer in offers.items():
            if id_ not in self._fetches:
                self._fetches[id_] = fetch = Fetch(self.key, offer.fact, self._world, filetype)
                self._start(partial(fetch.run, self._report))
        self.schedule.entered(document, trio.current_time())
        self._tell()

    def _tell(self) -> None:
        self.news.set()
        self.news = trio.Event()

    async def _report(self, outcome: Fetched) -> bool:
        """Whether the offer is settled. The first failed attempt is recorded, and the last.

        Raises JournalFailed.
        """
        worth_a_fact = not (
            isinstance(outcome, commands.NoteFailure) and outcome.next is Next.RETRY and outcome.attempt > 1
        )
        document = await self.ask(outcome if worth_a_fact else None)
        return document is None or outcome.offer not in document.offers

    def _start(self, errand: Callable[[], Awaitable[None]]) -> None:
        """Run something outside the mailbox, which must never wait for the Document Server."""
        self._busy += 1

        async def run() -> None:
            try:
                await errand()
            finally:
                self._busy -= 1
                self._pause.deadline = self._due()

        self._errands.start_soon(run)
