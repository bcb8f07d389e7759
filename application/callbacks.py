"""What becomes of a callback of the Document Server before it is answered."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from enum import Enum, auto
from functools import partial
from math import inf
from typing import Any

import trio

from application.claims import TOLD, command_of, storable
from application.desk import Desk, Unavailable
from application.journal import JournalFailed
from application.spool import Spool
from application.world import World
from domain.commands import CloseUnchanged, Command, NotePresence, NoteReplied, NoteServerFailure, TakeOffer
from domain.document import Document
from domain.offers import offer_id
from domain.words import Next

logger = logging.getLogger(__name__)

HANGS = 1.0  # seconds that a healthy journal never takes
OFFERS = frozenset({2, 3, 6, 7})  # statuses; the others are answered with 0 whatever happens
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
        self,
        nursery: trio.Nursery,
        desk: Desk,
        world: World,
        spool: Spool,
        *,
        keep_failed: bool,
        unsafe: Callable[[], None] = lambda: None,
        present: Callable[[str, Document], None] = lambda key, document: None,
    ) -> None:
        """`keep_failed`: on a status 3 the server is told to keep its change log.

        `unsafe` is called when an offer had to be answered before its bytes were safe, and `present` with
        a document and its key when the server has said who edits it.
        """
        self._nursery = nursery
        self._desk = desk
        self._world = world
        self._spool = spool
        self._keep_failed = keep_failed
        self._unsafe = unsafe
        self._present = present

    async def receive(self, claims: Mapping[str, Any]) -> Fate:
        """Work first, within the budget. Raises BadCallback."""
        claims = storable({name: claims[name] for name in TOLD & claims.keys()})
        key = str(claims["key"])
        command = command_of(claims, self._world.now(), keep_failed=self._keep_failed)
        if command is None:
            return Fate.DONE
        if not isinstance(command, TakeOffer):
            return await self._note(key, command)
        fate = Fate.UNSAFE
        with trio.move_on_after(self._world.patience.budget):
            fate = await self._take(key, command)
        if fate is Fate.UNSAFE:
            self._unsafe()
        return fate

    def note_reply(self, claims: Mapping[str, Any], http: int, error: int, seconds: float) -> None:
        """Record what was answered, if there was a choice; the answer does not wait for that."""
        status = int(claims["status"])
        self._world.observer.replied(status, http, error, seconds)
        if status in OFFERS or error:
            command = NoteReplied(
                at=self._world.now(),
                status=status,
                http=http,
                error=error,
                seconds=seconds,
                offer=_offer_at(storable(claims.get("url")), status),
            )
            self._nursery.start_soon(self._record_reply, str(storable(claims["key"])), command)

    async def _record_reply(self, key: str, command: NoteReplied) -> None:
        try:
            await self._desk.ask(key, command)
        except (Unavailable, JournalFailed) as trouble:
            logger.warning("%s: the answer %s is in no history: %s", key, command, trouble)

    async def _note(self, key: str, command: Command) -> Fate:
        """What offers no bytes. Whoever waits for it sets no deadline: a cancel scope costs a twentieth."""
        if isinstance(command, CloseUnchanged) and self._world.may_wait(key):
            return Fate.DONE  # `info` asks again when the save is recorded
        until = trio.current_time() + self._world.patience.presence
        known = Fate.LOST if isinstance(command, NoteServerFailure) and command.status == 3 else Fate.DONE
        try:
            document = await _until_answered(key, partial(self._desk.ask, key, command, until), until=until)
        except trio.TooSlowError:
            return known  # `info` rebuilds presence
        if document is None:
            return await self._unknown(key, command)
        if isinstance(command, NotePresence):
            self._present(key, document)
        return known

    async def _take(self, key: str, command: TakeOffer) -> Fate:
        document = await self._patiently(key, command, partial(self._desk.ask, key, command), HANGS)
        if document is None:
            return await self._unknown(key, command)
        return await self._settled(key, command)

    async def _settled(self, key: str, command: TakeOffer) -> Fate:
        def settled(document: Document) -> bool:
            return command.offer not in document.offers

        document = await self._patiently(key, command, partial(self._desk.wait, key, settled))
        end = document.settled.get(command.offer) if document else None
        if end is None or end.next is Next.GIVE_UP:
            return Fate.UNSAFE
        if end.next is Next.QUARANTINE:
            return Fate.QUARANTINED
        return Fate.LOST if command.status == 3 else Fate.DONE

    async def _unknown(self, key: str, command: Command) -> Fate:
        """Genuine, but never issued by us (a restored database, a second instance): keep the bytes."""
        logger.error("a genuine callback (%s) names the unknown key %s", type(command).__name__, key)
        if isinstance(command, TakeOffer):
            await self._spool.secure(key, command)
        return Fate.UNKNOWN_KEY

    async def _patiently(
        self, key: str, command: TakeOffer, ask: Callable[[], Awaitable[Document | None]], hangs: float = inf
    ) -> Document | None:
        """Until the journal works again; the callback's budget is the caller's deadline.

        Offered bytes do not wait that long, whether it fails or hangs: their url dies.
        """
        trouble = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._secure_after, trouble, hangs, key, command)
            document = await _until_answered(key, ask, trouble.set)
            nursery.cancel_scope.cancel()
        return document

    async def _secure_after(self, trouble: trio.Event, hangs: float, key: str, command: TakeOffer) -> None:
        with trio.move_on_after(hangs):
            await trouble.wait()
        await self._spool.secure(key, command)


async def _until_answered(
    key: str,
    ask: Callable[[], Awaitable[Document | None]],
    trouble: Callable[[], None] = lambda: None,
    until: float = inf,
) -> Document | None:
    """`trouble` is called when the journal fails. Raises TooSlowError when that lasts beyond `until`."""
    failing = False
    while True:
        try:
            return await ask()
        except (Unavailable, JournalFailed) as failure:
            if not failing:
                logger.error("%s: a callback waits for the journal: %s", key, failure)
            failing = True
            trouble()
        if trio.current_time() + RETRY_PAUSE > until:
            raise trio.TooSlowError
        await trio.sleep(RETRY_PAUSE)


def _offer_at(url: object, status: int) -> str | None:
    with suppress(ValueError):  # a malformed url, which no offer has
        return offer_id(status, url) if isinstance(url, str) and url else None
    return None
