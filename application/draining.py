"""Before we stop listening, or when an operator asks: ask for what is unsaved, and take it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

import trio

from application.desk import Desk, Unavailable
from application.journal import JournalFailed
from application.ports import Code, ServerUnreachable
from application.world import World
from domain.document import Document

logger = logging.getLogger(__name__)

TROUBLE = (ServerUnreachable, JournalFailed, Unavailable)


@dataclass(frozen=True, slots=True)
class Drained:
    saved: int
    left: tuple[str, ...]  # the keys of documents that could not be saved in time


async def drain(
    desk: Desk, world: World, seconds: float, *, close: bool = False, keys: Collection[str] | None = None
) -> Drained:
    """Save every document that is edited or being saved, within the time; `close` sends people out.

    Those that this node looks after, unless `keys` says which.
    """
    do = send_out if close else save
    keys = desk.unsaved() if keys is None else keys
    left = set(keys)

    async def finish(key: str, work: Callable[[str, Desk, World], Awaitable[None]]) -> None:
        try:
            await work(key, desk, world)
            left.discard(key)
        except TROUBLE as trouble:
            logger.error("%s: not saved: %s", key, trouble)

    with trio.move_on_after(seconds):
        async with trio.open_nursery() as nursery:
            for key in keys:
                nursery.start_soon(finish, key, do)
    if left:
        logger.error("%d documents were not saved in time; a restart takes them up", len(left))
    return Drained(len(keys) - len(left), tuple(sorted(left)))


async def save(key: str, desk: Desk, world: World) -> None:
    """Until what was edited so far is stored. Raises ServerUnreachable, JournalFailed, Unavailable."""
    document = await desk.ask(key)
    offered = document.offered if document else 0
    if document and document.users:
        answer = await world.server.command("forcesave", key)
        if answer.error == Code.OK:
            await desk.wait(key, lambda now: now.offered > offered or not now.users)
    await desk.wait(key, lambda now: not now.offers)


async def send_out(key: str, desk: Desk, world: World) -> None:
    """Until everybody has left and the final save is stored. Raises as `save` does.

    Saved first: what a failing final save would cost is then a few keystrokes.
    """
    await save(key, desk, world)
    document = await desk.ask(key)
    if document and document.users:
        await world.server.command("drop", key, users=sorted(document.users))
    await desk.wait(key, _over)


def _over(document: Document) -> bool:
    return document.closed is not None or not (document.users or document.offers)
