"""What becomes of a callback of the Document Server before it is answered."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from enum import Enum, auto
from functools import partial
from typing import Any

import trio

from application.claims import command_of, storable
from application.desk import Desk, Unavailable
from application.journal import JournalFailed
from application.ports import DownloadFailed, StorageFailed, TooLarge
from application.world import World
from domain.commands import Command, NoteServerFailure, TakeOffer
from domain.document import Document
from domain.words import Next

logger = logging.getLogger(__name__)

RETRY_PAUSE = 0.5  # seconds, while the journal fails and the budget lasts


class Fate(Enum):
    """What became of a callback by the time it must be answered."""

    DONE = auto()
    UNSAFE = auto()  # bytes were offered and are not safe yet
    QUARANTINED = auto()
    LOST = auto()  # the server could not assemble what was edited
    UNKNOWN_KEY = auto()
    MEANINGLESS = auto()


class Callbacks:
    def __init__(
        self, desk: Desk, world: World, *, keep_failed: bool, unsafe: Callable[[], None] = lambda: None
    ) -> None:
        """`keep_failed`: on a status 3 the server is told to keep its change log.

        `unsafe` is called when an offer had to be answered before its bytes were safe.
        """
        self._desk = desk
        self._world = world
        self._keep_failed = keep_failed
        self._unsafe = unsafe

    async def receive(self, claims: Mapping[str, Any]) -> Fate:
        """Work first, within the budget. Raises BadCallback."""
        claims = storable(claims)
        key = str(claims["key"])
        command = command_of(claims, self._world.now(), keep_failed=self._keep_failed)
        if command is None:
            return Fate.DONE
        is_offer = isinstance(command, TakeOffer)
        budget = self._world.patience.budget if is_offer else self._world.patience.presence
        fate = Fate.UNSAFE if is_offer else Fate.DONE  # `info` rebuilds presence
        with trio.move_on_after(budget):
            fate = await self._work(key, command, claims)
        if fate is Fate.UNSAFE:
            self._unsafe()
        return fate

    async def _work(self, key: str, command: Command, claims: Mapping[str, Any]) -> Fate:
        document = await _patiently(key, partial(self._desk.ask, key, command))
        if document is None:
            return await self._unknown(key, command, claims)
        match command:
            case TakeOffer():
                return await self._settled(key, command.offer)
            case NoteServerFailure(status=3):
                return Fate.LOST
            case _:
                return Fate.DONE

    async def _settled(self, key: str, offer: str) -> Fate:
        def settled(document: Document) -> bool:
            return offer not in document.offers

        document = await _patiently(key, partial(self._desk.wait, key, settled))
        end = document.settled.get(offer) if document else None
        if end is None or end.next is Next.GIVE_UP:
            return Fate.UNSAFE
        return Fate.QUARANTINED if end.next is Next.QUARANTINE else Fate.DONE

    async def _unknown(self, key: str, command: Command, claims: Mapping[str, Any]) -> Fate:
        """Genuine, but never issued by us (a restored database, a second instance): keep the bytes."""
        logger.error("a genuine callback of status %s names the unknown key %s", claims.get("status"), key)
        if isinstance(command, TakeOffer):
            try:
                blob = await self._world.server.fetch(command.url)
                await self._world.blobs.quarantine(blob.sha256, {"reason": "unknown key", **claims})
            except (DownloadFailed, StorageFailed, TooLarge) as trouble:
                logger.critical("%s: its bytes could not be kept: %s", key, trouble)
        return Fate.UNKNOWN_KEY


async def _patiently(key: str, ask: Callable[[], Awaitable[Document | None]]) -> Document | None:
    """Until the journal works again; the callback's budget is the caller's deadline."""
    while True:
        try:
            return await ask()
        except (Unavailable, JournalFailed) as trouble:
            logger.error("%s: a callback waits for the journal: %s", key, trouble)
            await trio.sleep(RETRY_PAUSE)
