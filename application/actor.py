"""The document actor: one task, one mailbox, one writer, so no locks anywhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from math import inf

import trio
from outcome import Error, Outcome, Value

from application.alarms import Alarm, Alarms
from application.fetches import Fetches
from application.fetching import Outcome as Fetched
from application.fetching import sidecar_of
from application.journal import JournalFailed, StaleWrite
from application.letters import Mailbox
from application.racing import until_recorded
from application.schedule import Schedule
from application.server_errands import ask_info, send_forcesave
from application.stream import Stream
from application.world import World
from domain import commands
from domain.commands import Command
from domain.document import Document
from domain.events import SaveOffered
from domain.words import Trigger

RELOAD = 5.0  # seconds between two attempts to read a journal that fails


class DocumentActor:
    def __init__(self, key: str, world: World, alarms: Alarms, schedule: Schedule | None = None) -> None:
        """`schedule` is that of a document at rest."""
        self.key = key
        self.news = trio.Event()  # set, and replaced, whenever the document may have changed
        self._world = world
        self._stream = Stream(key, world, self._enter)
        self._moved = False
        self._fetches = Fetches(key, world)
        self._busy = 0  # errands under way
        self._mailbox, self._answering = Mailbox(alarms), False
        self._alarm = Alarm(alarms, self._mailbox.ring)
        self.schedule = schedule or Schedule(key, world.patience, world.nodes)
        self._was_open = schedule is not None
        self.faults = 0  # of the auto-save, in a row

    @property
    def document(self) -> Document | None:
        return self._stream.document

    @property
    def ours(self) -> bool:
        """Whether this node looks after the document; else the actor is a visitor, for a while."""
        return self.schedule.ours

    @property
    def is_open(self) -> bool:
        """And ours; one that was at rest still is, until its history is read."""
        return self.ours and (self._was_open if self.document is None else not self.document.closed)

    @property
    def unsaved(self) -> bool:
        """Whether there is something to save, or to be waited for, on this node."""
        document = self.document
        return bool(self._fetches) or bool(document and self.ours and (document.users or document.offers))

    def moved(self, info_at: float = inf) -> None:
        """The document is ours now, or no longer; the server is asked by then what nobody here has heard."""
        self.schedule.reconcile(info_at)
        self._moved = True
        self._alarm.set(self._due())

    def learn(self, version: int) -> None:
        """The document has so many facts."""
        self._stream.told(version)
        self._alarm.set(self._due())

    async def ask(self, command: Command | None, until: float = inf) -> Document | None:
        """Hand over a command and wait for the document it leads to. What leads nowhere is not waited for.

        Raises JournalFailed, StaleWrite for an Open or Admit that lost its race, and TooSlowError at `until`.
        """
        if self._answering or self._moved or not self._stream.settles(command):
            return await self._mailbox.ask(command, until)
        self._hear(command)
        if command:
            self._stream.note_unchanged(command)
        self._alarm.set(self._due())
        return self.document

    async def run(self, leave: Callable[[], None] = lambda: None) -> None:
        """Replay the past, then answer one letter at a time until nothing is worth waiting for.

        `leave` is called as soon as nothing is: whoever knocks from then on needs another actor.
        """
        # The mailbox closes last and nothing awaits after it, so whoever is turned away at the
        # door finds that the desk has already forgotten us.
        with self._mailbox, self._alarm:
            async with trio.open_nursery() as self._errands:
                while True:
                    self._alarm.set(due := self._due())
                    if letter := await self._mailbox.receive(due):
                        with letter:
                            self._answering = True
                            letter.outcome = await self._answer(letter.command)
                            self._answering = False
                    elif not await self._on_time():
                        leave()
                        break
        self._tell()

    def _due(self) -> float:
        if self._stream.behind:
            return self.schedule.reload_at
        if self._moved:
            return -inf
        due = self.schedule.due(self.document, busy=self._busy > 0)
        return min(due, self._fetches.due_at(self.document, ours=self.ours))

    async def _on_time(self) -> bool:
        """Do what is due. False when there is nothing left to wait for."""
        if self._stream.behind:
            try:
                await self._load()
            except JournalFailed:
                self._world.outages.note()
                self.schedule.reload_at = trio.current_time() + RELOAD
            return True
        now = trio.current_time()
        if self._moved:
            self._moved = False
            self.schedule.moved()
            self.schedule.visited(self.document, now)
            self._enter()
        self._fetch()
        if self.schedule.rested(self.document, now, busy=self._busy > 0):
            return False
        if self.schedule.autosave_due(self.document, now):
            self.schedule.autosave_began(now)
            self._start(partial(send_forcesave, self.key, self._world, self))
        if self.schedule.info_due(self.document, now):
            self.schedule.info_began()
            self._start(partial(ask_info, self.key, self._world, self))
        return True

    async def _load(self) -> None:
        """What has been recorded since we last knew all."""
        begun = self._stream.begun
        news = await self._stream.read()
        called = news if begun else ()  # a life ago is not just now
        self.schedule.learned(self.document, called, trio.current_time(), self._world.now())
        self._enter()

    async def _answer(self, command: Command | None) -> Outcome[Document | None]:
        self._stream.asked()
        attempt = partial(self._attempt, command)
        once = isinstance(command, commands.Open | commands.Admit)  # the file may have another live key now
        try:
            return Value(await (attempt() if once else until_recorded(attempt)))
        except StaleWrite as stale:
            return Error(stale)
        except JournalFailed as trouble:
            self._world.outages.note()
            return Error(trouble)

    async def _attempt(self, command: Command | None) -> Document | None:
        """Raises StaleWrite, JournalFailed."""
        try:
            if self._stream.behind:
                await self._load()
            self._hear(command)
            await self._obey(command)
        except (StaleWrite, JournalFailed):
            self._stream.doubt()  # whether anything was recorded is not known
            raise
        return self.document

    def _hear(self, command: Command | None) -> None:
        """What matters for the time being only: when we last heard of whom, and fresh urls."""
        now = trio.current_time()
        self.schedule.visited(self.document, now)
        match command:
            case commands.Admit(mode=mode, at=at) | commands.Open(first=commands.Admit(mode=mode, at=at)) if (
                mode.joins
            ):
                self.schedule.admitted(now, at)
            case commands.NotePresence() | commands.TakeOffer() | commands.CloseUnchanged():
                self.schedule.heard(now, unchanged=isinstance(command, commands.CloseUnchanged))
        if isinstance(command, commands.TakeOffer):
            self._fetches.take(command)

    async def _obey(self, command: Command | None) -> None:
        match command:
            case None:
                await self._stream.make_sure()
            case commands.CommitOffer() | commands.TakeStored():
                await self._stream.commit(command)
            case commands.TakeOffer(trigger=Trigger.RECOVERED) if self._stream.brought_back(command):
                await self._stream.ignore(command)
            case commands.NotePresence() | commands.TakeOffer() if self.document and self.document.closed:
                row = await self._world.journal.file(self.document.file)
                live = row.live if row else None
                await self._stream.decide(replace(command, live=live))
            case commands.CloseUnchanged():
                await self._stream.decide(replace(command, admitted=self.schedule.admitted_at))
                self.schedule.doubt(self.document, trio.current_time())
            case commands.NoteOrphaned():
                await self._stream.decide(replace(command, admitted=self.schedule.admitted_at))
            case _:
                await self._stream.decide(command)

    def _enter(self) -> None:
        """Do what the state calls for; waking after a crash comes through here too."""
        self._fetch()
        self.schedule.entered(self.document, trio.current_time())
        self._tell()

    def _fetch(self) -> None:
        for fetch in self._fetches.begin(self.document, ours=self.ours):
            self._start(partial(fetch.run, partial(self._report, fetch.offer)))

    def _tell(self) -> None:
        self.news.set()
        self.news = trio.Event()

    async def _report(self, fact: SaveOffered, outcome: Fetched) -> bool:
        """Whether the offer is settled. Raises JournalFailed."""
        known = isinstance(outcome, commands.NoteFailure) and outcome.is_one_more
        document = await self.ask(None if known else outcome)
        if document and isinstance(outcome, commands.CommitOffer) and document.gave_up(outcome.offer):
            # Another node had fetched it too and lost hope, while the bytes are here.
            document = await self.ask(sidecar_of(self.key, fact, outcome).command)
        return document is None or outcome.offer not in document.offers

    def _start(self, errand: Callable[[], Awaitable[None]]) -> None:
        """Run something outside the mailbox, which must never wait for the Document Server."""
        self._busy += 1

        async def run() -> None:
            try:
                await errand()
            finally:
                self._busy -= 1
                self._alarm.set(self._due())

        self._errands.start_soon(run)
