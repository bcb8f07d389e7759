"""The desk: finds the one living actor of each open document, and wakes it on the first knock."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

import trio

from application import about
from application.actor import DocumentActor
from application.journal import JournalFailed
from application.world import World
from domain.commands import Command
from domain.document import Document

logger = logging.getLogger(__name__)

KNOCKS = 3
LONGEST_REST = 60.0  # seconds between two lives of an actor that keeps crashing


class Unavailable(Exception):
    """The document's actor died while holding the letter; asking again is safe."""


@dataclass(frozen=True, slots=True)
class Edited:
    """What somebody edits now, and how it is with its saves."""

    users: int
    stored: datetime  # the last time that a save was stored, or that somebody began to edit it
    assured: datetime  # the same, or the last time that the server said it had nothing new


class Desk:
    def __init__(self, nursery: trio.Nursery, world: World) -> None:
        self._nursery = nursery
        self._world = world
        self._actors: dict[str, DocumentActor] = {}
        self._crashes: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._actors)

    def unsaved(self) -> list[str]:
        """The keys that are edited now, or have an offer under way."""
        documents = {key: actor.document for key, actor in self._actors.items()}
        return [
            key for key, document in documents.items() if document and (document.users or document.offers)
        ]

    def opened(self) -> int:
        """How many documents are open; all there are, once they have been taken up."""
        return sum(bool(actor.document and not actor.document.closed) for actor in self._actors.values())

    def edited(self) -> Iterator[Edited]:
        for actor in self._actors.values():
            document = actor.document
            if document and document.users and document.editing_since:
                stored = max(filter(None, (document.editing_since, document.saved_at)))
                assured = max(filter(None, (stored, actor.schedule.nothing_new_at)))
                yield Edited(len(document.users), stored, assured)

    def kept_at_server(self) -> int:
        """How many documents the server has changes of that only opening and leaving them delivers."""
        documents = (actor.document for actor in self._actors.values())
        return sum(document.kept_there for document in documents if document)

    async def take_up(self) -> int:
        """Wake every document that is open or has an offer to fetch. Raises JournalFailed."""
        rows = await self._world.journal.open_documents()
        for row in rows:
            self._actor(row.key)
        return len(rows)

    async def ask(self, key: str, command: Command | None = None) -> Document | None:
        """The document that the command leads to, or None for a key that was never issued.

        Raises Unavailable, JournalFailed, and StaleWrite for an Open or Admit that lost its race.
        """
        for _ in range(KNOCKS):
            try:
                return await self._actor(key).ask(command)
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
            self._actors[key] = actor = DocumentActor(key, self._world)
            self._nursery.start_soon(self._watch, actor)
        return self._actors[key]

    async def _watch(self, actor: DocumentActor) -> None:
        """Let one document crash without taking the others along, and let it live again."""
        key = actor.key
        about.only(key=key)
        try:
            await actor.run()
            self._crashes.pop(key, None)
        except Exception:
            crashes = self._crashes[key] = self._crashes.get(key, 0) + 1
            logger.exception("document %s crashed (%d in a row); it will be replayed", key, crashes)
            self._nursery.start_soon(self._revive, key, min(2.0**crashes, LONGEST_REST))
        finally:
            del self._actors[key]
            actor.news.set()

    async def _revive(self, key: str, rest: float) -> None:
        await trio.sleep(rest)
        try:
            await self.ask(key)
        except (Unavailable, JournalFailed) as trouble:
            logger.error("document %s could not be taken up again: %s", key, trouble)
