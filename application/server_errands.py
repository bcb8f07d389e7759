"""The questions an actor asks the Document Server, outside its mailbox: our callbacks may answer first."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

import trio

from application.claims import forgotten_offer
from application.journal import JournalFailed
from application.ports import Answer, Code, ServerUnreachable
from application.schedule import Schedule
from application.world import World
from domain.commands import (
    CloseUnchanged,
    CloseUnknown,
    Command,
    NoteFailure,
    NoteOrphaned,
    NotePresence,
    NoteResumed,
)
from domain.document import Document
from domain.words import Next, Source

logger = logging.getLogger(__name__)

IN_A_ROW = 3  # so many faults count; one or two are a race with somebody's Ctrl+S
SAID: Mapping[int, str] = {
    Code.FAULT: "an internal fault",
    Code.UNKNOWN_COMMAND: "it does not know the command",
    Code.BAD_TOKEN: "it does not accept our token: DOCLEDGER_DOCUMENT_SERVER_SECRET is not its own secret",
    Code.EXPIRED_TOKEN: "our token had expired: the clocks of the two machines differ",
}


class Asker(Protocol):
    """The actor, as its errands see it."""

    schedule: Schedule
    faults: int

    @property
    def document(self) -> Document | None: ...

    async def ask(self, command: Command | None) -> Document | None: ...


async def send_forcesave(key: str, world: World, actor: Asker) -> None:
    """Ask the server to hand over what has changed; the bytes come as a callback of status 6."""
    try:
        answer = await world.server.command("forcesave", key)
        trouble = _trouble(answer)
        unknown = answer.error == Code.UNKNOWN_KEY
        if answer.error == Code.NOTHING_NEW:
            actor.schedule.nothing_new_at = world.now()
    except ServerUnreachable as unreachable:
        trouble, unknown = str(unreachable), False
    finally:
        actor.schedule.autosave_ended(trio.current_time())
    if trouble is None:
        before = actor.document.trouble if actor.document else None
        if before and before.source is Source.COMMAND:
            await _tell(actor, NoteResumed(at=world.now()))
        actor.faults = 0
    else:
        actor.faults += 1
        if actor.faults == IN_A_ROW:
            await _note(world, actor, f"Auto-save fails: {trouble}")
    if unknown and actor.document and actor.document.users:
        actor.schedule.reconcile(trio.current_time())


def _trouble(answer: Answer) -> str | None:
    if answer.error in (Code.OK, Code.UNKNOWN_KEY, Code.NOTHING_NEW):
        return None
    return f"the Document Server answered {answer.error}: {SAID.get(answer.error, 'unknown')}"


async def _note(world: World, actor: Asker, detail: str) -> None:
    logger.error("%s", detail)
    note = NoteFailure(
        at=world.now(), source=Source.COMMAND, detail=detail, attempt=actor.faults, next=Next.GO_ON
    )
    await _tell(actor, note)


async def _tell(actor: Asker, command: Command) -> None:
    try:
        await actor.ask(command)
    except JournalFailed as trouble:
        logger.error("that could not be recorded: %s", trouble)


async def ask_info(key: str, world: World, actor: Asker) -> None:
    """Reconcile: who edits, and does the server know the key at all?

    Before it answers, the server sends a callback (status 1 without actions, or 4).
    """
    asked = world.now()
    again = world.patience.silence
    try:
        answer = await world.server.command("info", key)
        if not answer.body.get("users") and world.may_wait(key):
            again = world.patience.unreachable  # the session's last word waits to be recorded
        elif answer.error == Code.OK:
            again = await _reconcile(answer, asked, world, actor)
        elif answer.error == Code.UNKNOWN_KEY and _expected(actor):
            again = world.patience.admitted
        elif answer.error == Code.UNKNOWN_KEY:
            await _part(key, world, actor)
    except (ServerUnreachable, JournalFailed) as trouble:
        logger.warning("%s: cannot reconcile: %s", key, trouble)
        again = world.patience.unreachable
    finally:
        actor.schedule.info_ended(trio.current_time() + again)


def _expected(actor: Asker) -> bool:
    return actor.schedule.expected(actor.document, trio.current_time())


async def _part(key: str, world: World, actor: Asker) -> None:
    """The server has let go of the key: with nothing, or with a final save that never reached us."""
    kept = forgotten_offer(await world.server.command("getForgotten", key), world.now())
    if kept:
        await actor.ask(NotePresence(at=world.now(), users=()))
    await actor.ask(kept or CloseUnknown(at=world.now()))


async def _reconcile(answer: Answer, asked: datetime, world: World, actor: Asker) -> float:
    """Seconds until it is worth asking again."""
    users = answer.body.get("users")
    if not isinstance(users, list):
        return world.patience.silence
    present = tuple(str(user) for user in users)
    await actor.ask(NotePresence(at=world.now(), users=present))
    if present:
        actor.schedule.orphaned_since = None
    elif actor.schedule.closing_word:
        await actor.ask(CloseUnchanged(at=world.now(), confirmed=asked))
    else:
        return await _doubt_orphaned(asked, world, actor)
    return world.patience.silence


async def _doubt_orphaned(asked: datetime, world: World, actor: Asker) -> float:
    """Nobody edits, and yet it did not call back a status 4: it has changes. Once may be a save under way."""
    before = actor.schedule.orphaned_since
    document = await actor.ask(None)
    if document is None or document.closed or document.kept_there:
        return world.patience.kept_there
    if before is None or document.offers:
        actor.schedule.orphaned_since = asked
        return world.patience.orphaned
    document = await actor.ask(NoteOrphaned(at=asked, since=before))
    if document and document.kept_there:
        logger.critical("the Document Server has changes of %s that nobody edits", document.name)
    actor.schedule.orphaned_since = None
    return world.patience.kept_there
