"""Before we stop listening: ask for what is unsaved, and take it."""

from __future__ import annotations

import logging

import trio

from application.desk import Desk, Unavailable
from application.journal import JournalFailed
from application.ports import Code, ServerUnreachable
from application.world import World
from domain.document import Document

logger = logging.getLogger(__name__)


async def drain(desk: Desk, world: World, seconds: float) -> int:
    """Save every document that is edited or being saved, within the time; how many were left."""
    left = 0

    async def save(key: str) -> None:
        nonlocal left
        left += 1
        try:
            await _save(key, desk, world)
            left -= 1
        except (ServerUnreachable, JournalFailed, Unavailable) as trouble:
            logger.error("%s: not saved before the shutdown: %s", key, trouble)

    with trio.move_on_after(seconds):
        async with trio.open_nursery() as nursery:
            for key in desk.unsaved():
                nursery.start_soon(save, key)
    if left:
        logger.error("%d documents were not saved before the shutdown; a restart takes them up", left)
    return left


async def _save(key: str, desk: Desk, world: World) -> None:
    document = await desk.ask(key)
    offered = document.offered if document else 0
    if document and document.users:
        answer = await world.server.command("forcesave", key)
        if answer.error == Code.OK:
            await desk.wait(key, lambda now: now.offered > offered or not now.users)
    await desk.wait(key, _settled)


def _settled(document: Document) -> bool:
    return not document.offers
