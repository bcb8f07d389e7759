"""Which documents are this node's, and what other nodes record of them: the desk is told.

What is looked after here is taken up when its shard comes, and from then on follows the log.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio

from application.desk import Desk
from application.journal import JournalFailed
from application.world import World

logger = logging.getLogger(__name__)

T = TypeVar("T")

PAUSE = 0.02  # seconds in which a burst gathers
AGAIN = 1.0  # seconds until the journal is asked again after it failed


class Follower:
    def __init__(self, desk: Desk, world: World) -> None:
        self._desk = desk
        self._world = world

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """For ever; it has started when every open document of ours is taken up."""
        nodes = self._world.nodes
        # What is recorded while the documents are taken up must not be missed.
        position = await self._patiently(self._world.journal.position) if nodes.several else 0
        async with trio.open_nursery() as nursery:
            if nodes.several:
                nursery.start_soon(self._follow, position)
            known: frozenset[int] = frozenset()
            while True:
                known = await self._take_up(known)
                task_status.started()
                task_status = trio.TASK_STATUS_IGNORED
                await nodes.changed(known)

    async def _take_up(self, known: frozenset[int]) -> frozenset[int]:
        """What has come since these were ours; which are now. What came and went meanwhile may come again."""
        nodes, desk = self._world.nodes, self._desk

        async def take_up() -> frozenset[int]:
            nonlocal known
            shards = nodes.shards
            desk.moved(known ^ shards)
            known &= shards
            count = await desk.take_up(shards - known)
            logger.info("%d open documents taken up", count)
            return shards

        return await self._patiently(take_up)

    async def _follow(self, position: int) -> None:
        async def follow() -> int:
            upto = await self._world.journal.grown(position)
            self._desk.learn(await self._world.journal.touched(position, upto))
            return upto

        while True:
            position = await self._patiently(follow)
            await trio.sleep(PAUSE)

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        failing = False
        while True:
            try:
                return await ask()
            except JournalFailed as trouble:
                if not failing:
                    logger.error("the journal cannot tell what there is to look after: %s", trouble)
                failing = True
                self._world.outages.note()
            await trio.sleep(AGAIN)
