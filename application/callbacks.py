"""What a callback of the Document Server says, and what becomes of it before it is answered.

Fields and statuses: ONLYOFFICE's callback handler, as a server 9.3 sends it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Any

import trio

from application.desk import Desk, Unavailable
from application.journal import JournalFailed
from application.ports import DownloadFailed, StorageFailed, TooLarge
from application.world import World
from domain.commands import CloseUnchanged, Command, NotePresence, NoteServerFailure, TakeOffer
from domain.document import Document, offer_id
from domain.words import Next, Trigger

logger = logging.getLogger(__name__)

EDITING, FINAL, FAILED, UNCHANGED, FORCESAVED, FORCESAVE_FAILED = 1, 2, 3, 4, 6, 7
WITHOUT_MEANING = frozenset({0, 5})  # never sent; mail merge
TRIGGERS = {0: Trigger.COMMAND, 1: Trigger.BUTTON, 2: Trigger.TIMER, 3: Trigger.FORM}
RETRY_PAUSE = 0.5  # seconds, while the journal fails and the budget lasts


class BadCallback(Exception):
    """The claims are genuine but not what the protocol says; the text says which."""


class Fate(Enum):
    """What became of a callback by the time it must be answered."""

    DONE = auto()
    UNSAFE = auto()  # bytes were offered and are not safe yet
    QUARANTINED = auto()
    LOST = auto()  # the server could not assemble what was edited
    UNKNOWN_KEY = auto()
    MEANINGLESS = auto()


class Callbacks:
    def __init__(self, desk: Desk, world: World, *, keep_failed: bool) -> None:
        """`keep_failed`: on a status 3 the server is told to keep its change log."""
        self._desk = desk
        self._world = world
        self._keep_failed = keep_failed

    async def receive(self, claims: Mapping[str, Any]) -> Fate:
        """Work first, within the budget. Raises BadCallback."""
        key, status = str(claims["key"]), int(claims["status"])
        if status in WITHOUT_MEANING:
            return Fate.DONE
        command = self._command(status, claims)
        is_offer = isinstance(command, TakeOffer)
        budget = self._world.patience.budget if is_offer else self._world.patience.presence
        with trio.move_on_after(budget):
            return await self._work(key, command, claims)
        return Fate.UNSAFE if is_offer else Fate.DONE  # `info` rebuilds presence

    def _command(self, status: int, claims: Mapping[str, Any]) -> Command:
        now = self._world.now()
        url = claims.get("url")
        match status:
            case 1:
                return NotePresence(at=now, users=_users(claims))
            case 4:
                return CloseUnchanged(at=now)
            case 2 | 3 | 6 | 7 if isinstance(url, str) and url:
                return _offer(status, url, claims, now)
            case 3 | 7:
                keep = self._keep_failed
                return NoteServerFailure(at=now, status=status, lastsave=_time(claims), keep=keep)
            case 2 | 6:
                raise BadCallback(f"a callback of status {status} has no url")
            case _:
                raise BadCallback(f"a callback has the unknown status {status}")

    async def _work(self, key: str, command: Command, claims: Mapping[str, Any]) -> Fate:
        while True:
            try:
                document = await self._desk.ask(key, command)
                break
            except (Unavailable, JournalFailed) as trouble:
                logger.error("%s: a callback waits for the journal: %s", key, trouble)
                await trio.sleep(RETRY_PAUSE)
        if document is None:
            return await self._unknown(key, command, claims)
        match command:
            case TakeOffer():
                return await self._settled(key, offer_id(command.status, command.url))
            case NoteServerFailure(status=3):
                return Fate.LOST
            case _:
                return Fate.DONE

    async def _settled(self, key: str, offer: str) -> Fate:
        def settled(document: Document) -> bool:
            return offer not in document.offers

        while True:
            try:
                document = await self._desk.wait(key, settled)
                break
            except (Unavailable, JournalFailed):
                await trio.sleep(RETRY_PAUSE)
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


def _offer(status: int, url: str, claims: Mapping[str, Any], now: datetime) -> TakeOffer:
    if status in (FAILED, FORCESAVE_FAILED):
        trigger = Trigger.FAILED
    elif status == FINAL:
        trigger = Trigger.FINAL
    else:
        trigger = TRIGGERS.get(_number(claims.get("forcesavetype")), Trigger.COMMAND)
    filetype, changes = claims.get("filetype"), claims.get("changesurl")
    return TakeOffer(
        at=now,
        url=url,
        status=status,
        trigger=trigger,
        filetype=filetype.lower() if isinstance(filetype, str) else "",
        users=_users(claims),
        changes_url=changes if isinstance(changes, str) else None,
        history=claims.get("history") or None,
        lastsave=_time(claims),
        notmodified=claims.get("notmodified") is True,
    )


def _users(claims: Mapping[str, Any]) -> tuple[str, ...]:
    users = claims.get("users")
    return tuple(str(user) for user in users) if isinstance(users, list) else ()


def _number(value: object) -> int:
    return value if isinstance(value, int) else -1


def _time(claims: Mapping[str, Any]) -> datetime | None:
    """`lastsave`, as the server's clock has it: ISO 8601 with a Z."""
    text = claims.get("lastsave")
    try:
        time = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return time.replace(tzinfo=UTC) if time and time.tzinfo is None else time
