"""Saves that the Document Server gave up delivering: fetched back, and only then deleted there.

A server whose final callback failed keeps the file as "forgotten" and never calls again.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import trio

from application.claims import forgotten_offer
from application.desk import Desk, Unavailable
from application.journal import JournalFailed
from application.nodes import while_leading
from application.ports import Code, ServerUnreachable
from application.world import World
from domain.document import Document
from domain.words import Next

logger = logging.getLogger(__name__)

AT_ONCE = 500  # keys looked up in one query
RETRIES_OVER = 15.0  # seconds after a refused final until the server has given up (it tries 0, 1, 3, 7 s)
LOOKED_AT = 60.0  # seconds without an editor, after which no save of the key is on its way
REFUSED_AGAIN = 3600.0  # seconds until bytes that were no document are looked at again


class Recovery:
    def __init__(self, desk: Desk, world: World) -> None:
        self._desk = desk
        self._world = world
        self._nudged, self._due = trio.Event(), trio.Event()
        self.backlog: int | None = None  # files of ours that the server kept at the last look
        self._refused: dict[str, float] = {}  # key -> when its bytes turned out to be no document
        self._alone: dict[str, float] = {}  # key -> since when the server knows it without an editor

    def nudge(self) -> None:
        """A final save was refused: look for it as soon as the server has given up."""
        self._nudged.set()

    async def run(self) -> None:
        """For ever: after saves that were refused here, and on a timer, now and while this node leads."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(while_leading, self._world.nodes, self._tick)
            nursery.start_soon(self._see_to_refused)
            while True:
                await self._due.wait()
                self._due = trio.Event()
                try:
                    await self.sweep()
                except (ServerUnreachable, JournalFailed, Unavailable) as trouble:
                    logger.warning("forgotten files could not be looked for: %s", trouble)

    async def _tick(self) -> None:
        try:
            while True:
                self._due.set()
                await trio.sleep(self._world.patience.forgotten)
        finally:
            self.backlog = None  # whoever leads now counts it

    async def _see_to_refused(self) -> None:
        while True:
            await self._nudged.wait()
            await trio.sleep(RETRIES_OVER)
            self._nudged = trio.Event()
            self._due.set()

    async def sweep(self) -> int:
        """How many were brought back. Raises ServerUnreachable, JournalFailed, Unavailable."""
        answer = await self._world.server.command("getForgottenList")
        keys = answer.body.get("keys")
        recovered = 0
        ours = await self._ours([str(key) for key in keys] if isinstance(keys, list) else [])
        self.backlog = len(ours)
        for key in ours:
            if trio.current_time() - self._refused.get(key, -REFUSED_AGAIN) >= REFUSED_AGAIN:
                recovered += await self._recover(key)
                self.backlog = len(ours) - recovered
        return recovered

    async def _ours(self, keys: Sequence[str]) -> list[str]:
        """A server may serve others too: their files are none of our business."""
        ours: list[str] = []
        for start in range(0, len(keys), AT_ONCE):
            some = keys[start : start + AT_ONCE]
            ours += [row.key for row in await self._world.journal.documents(some)]
        return ours

    async def _recover(self, key: str) -> bool:
        if await self._alive(key):
            return False
        command = forgotten_offer(await self._world.server.command("getForgotten", key), self._world.now())
        if command is None:
            return False
        document = await self._desk.ask(key, command)
        if document is None or command.offer not in document.offers:
            return False  # somebody edits it again: their final save holds it
        with trio.move_on_after(self._world.patience.budget):
            document = await self._desk.wait(key, lambda now: command.offer not in now.offers)
        return document is not None and await self._delete(key, command.offer, document)

    async def _alive(self, key: str) -> bool:
        """Opened again from its forgotten file, which is then older than what the server will offer.

        A key that nobody has edited for a while is only looked at.
        """
        answer = await self._world.server.command("info", key)
        if answer.error != Code.OK or answer.body.get("users"):
            self._alone.pop(key, None)
            return answer.error == Code.OK
        since = self._alone.setdefault(key, trio.current_time())
        return trio.current_time() - since < LOOKED_AT

    async def _delete(self, key: str, offer: str, document: Document) -> bool:
        end = document.settled.get(offer)
        if end is None or end.version is None:
            if end and end.next is Next.QUARANTINE:
                self._refused[key] = trio.current_time()
            logger.critical("%s: its forgotten file could not be brought back; the server keeps it", key)
            return False
        if document.users or document.offers:
            return False  # it came alive meanwhile, and may be forgotten anew
        logger.warning("%s: a forgotten file was brought back as version %d", key, end.version)
        await self._world.server.command("deleteForgotten", key)
        return True
