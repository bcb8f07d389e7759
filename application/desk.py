"""The desk: finds the one living actor of each open document, and wakes it on the first knock, or on time.

An actor is a task and the document's whole state, for as long as somebody edits it or something is under way.
An open document that nobody edits rests without one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from math import inf

import trio

from application import about
from application.actor import DocumentActor
from application.alarms import Alarms
from application.journal import JournalFailed
from application.nodes import ALL, owns
from application.schedule import Schedule
from application.sleepers import ASKED, Sleeper, Sleepers
from application.world import World
from domain.commands import Command
from domain.document import EDITING, SAVING, Document

logger = logging.getLogger(__name__)

KNOCKS = 3
LONGEST_REST = 60.0  # seconds between two lives of an actor that keeps crashing
BREATH = 200  # documents are taken up between two looks at whatever else is to be done


class Unavailable(Exception):
    """The document's actor died while holding the letter; asking again is safe."""


@dataclass(frozen=True, slots=True)
class Edited:
    """What somebody edits now, and how it is with its saves."""

    users: int
    stored: datetime  # the last time that a save was stored, or that somebody began to edit it
    assured: datetime  # the same, or the last time that the server said it had nothing new


class Desk:
    """Numbers of documents are those of this node's own; visiting actors are counted where they belong."""

    def __init__(self, nursery: trio.Nursery, world: World) -> None:
        self._nursery = nursery
        self._world = world
        self._actors: dict[str, DocumentActor] = {}
        self._alarms = Alarms()
        nursery.start_soon(self._alarms.run)
        self._sleepers = Sleepers(self._actor, self._alarms)
        self._crashes: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._actors) + len(self._sleepers)

    def unsaved(self) -> list[str]:
        """The keys that are edited now, or have an offer under way."""
        awake = [key for key, actor in self._actors.items() if actor.unsaved]
        return awake + [key for key, sleeper in self._sleepers if sleeper.unsaved]

    def opened(self) -> int:
        """How many documents are open; all there are, once they have been taken up."""
        return sum(actor.is_open for actor in self._actors.values()) + len(self._sleepers)

    def edited(self) -> Iterator[Edited]:
        """After a start, each from its first auto-save on: before that nobody knows how it is with it."""
        for actor, document in self._ours():
            if document.users and document.editing_since:
                stored = max(filter(None, (document.editing_since, document.saved_at)))
                assured = max(filter(None, (stored, actor.schedule.nothing_new_at)))
                yield Edited(len(document.users), stored, assured)

    def kept_at_server(self) -> int:
        """How many documents the server has changes of that only opening and leaving them delivers."""
        awake = sum(document.kept_there for _, document in self._ours())
        return awake + sum(sleeper.kept_there for _, sleeper in self._sleepers)

    def _ours(self) -> Iterator[tuple[DocumentActor, Document]]:
        for actor in self._actors.values():
            if actor.document and actor.ours:
                yield actor, actor.document

    async def take_up(self, shards: Collection[int] = ALL) -> int:
        """Look after every document of these that is open or has an offer to fetch. Raises JournalFailed.

        None is read from the log before it is needed: the row says when that is.
        """
        states = await self._world.journal.open_states(shards)
        now = trio.current_time()
        for place, (key, state) in enumerate(states.items()):
            if place % BREATH == 0:
                await trio.lowlevel.checkpoint()
            self._take_up(key, state, now, info_at=now + place / ASKED)
        return len(states)

    def _take_up(self, key: str, state: str, now: float, info_at: float) -> None:
        if state == SAVING or key in self._actors:
            self._actor(key).moved(info_at)
        else:
            schedule = Schedule(key, self._world.patience, self._world.nodes)
            schedule.took_up(info_at, now, edited=state == EDITING)
            self._sleepers.lay(key, Sleeper(schedule, unsaved=state == EDITING))

    def moved(self, shards: Collection[int]) -> None:
        """These became ours to look after, or somebody else's."""
        for actor in self._actors.values():
            if actor.schedule.shard in shards:
                actor.moved()
        self._sleepers.drop(shards)

    def learn(self, versions: Mapping[str, int]) -> None:
        """How many facts there are of these documents, since something was recorded of them."""
        for key, version in versions.items():
            if actor := self._actors.get(key):
                actor.learn(version)
            elif owns(self._world.nodes, key):
                self._actor(key)

    async def ask(self, key: str, command: Command | None = None, until: float = inf) -> Document | None:
        """The document that the command leads to, or None for a key that was never issued.

        Raises Unavailable, JournalFailed, StaleWrite for an Open or Admit that lost its race, and
        TooSlowError when nothing is known at `until`.
        """
        for _ in range(KNOCKS):
            try:
                return await self._actor(key).ask(command, until)
            except trio.BrokenResourceError:
                continue  # it went to rest between our looking and our knocking
            except trio.EndOfChannel:
                break  # it died with our letter in its hands
        raise Unavailable(key)

    async def wait(self, key: str, until: Callable[[Document], bool]) -> Document | None:
        """Wait, under the caller's deadline, until the document is as wished."""
        while await self.ask(key):
            actor = self._actors.get(key)
            if actor is None or actor.document is None:
                continue  # it has just gone to rest: wake it again
            if until(actor.document):
                return actor.document
            await actor.news.wait()
        return None

    def _actor(self, key: str) -> DocumentActor:
        if key not in self._actors:
            sleeper = self._sleepers.take(key)
            schedule = sleeper.schedule if sleeper else None
            self._actors[key] = actor = DocumentActor(key, self._world, self._alarms, schedule)
            self._nursery.start_soon(self._watch, actor)
        return self._actors[key]

    async def _watch(self, actor: DocumentActor) -> None:
        """Let one document crash without taking the others along, and let it live again."""
        key = actor.key
        about.only(key=key)
        try:
            await actor.run(partial(self._leave, actor))
            self._crashes.pop(key, None)
        except Exception:
            crashes = self._crashes[key] = self._crashes.get(key, 0) + 1
            logger.exception("document %s crashed (%d in a row); it will be replayed", key, crashes)
            self._nursery.start_soon(self._revive, key, min(2.0**crashes, LONGEST_REST))
        finally:
            self._forget(actor)
            actor.news.set()

    def _leave(self, actor: DocumentActor) -> None:
        """Nothing is under way."""
        self._forget(actor)
        if actor.document and actor.is_open:
            actor.schedule.laid_to_rest()
            self._sleepers.lay(actor.key, Sleeper(actor.schedule, kept_there=actor.document.kept_there))

    def _forget(self, actor: DocumentActor) -> None:
        if self._actors.get(actor.key) is actor:
            del self._actors[actor.key]

    async def _revive(self, key: str, rest: float) -> None:
        await trio.sleep(rest)
        try:
            self._actor(key).moved(trio.current_time())
            await self.ask(key)
        except (Unavailable, JournalFailed) as trouble:
            logger.error("document %s could not be taken up again: %s", key, trouble)
