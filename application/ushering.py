"""Showing people out of open documents: when somebody wants it, and when they may no longer be there.

What they have typed is saved first. A share that was taken back holds even if we crash meanwhile, or if
somebody comes back with an old page: it is looked at again whenever the server says who edits.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

import trio

from application.desk import Desk
from application.draining import TROUBLE, save
from application.files import Forbidden, NotFound
from application.people import Person
from application.ports import Code, ServerUnreachable
from application.world import World
from domain.commands import SendOut
from domain.document import Document
from domain.presence import overstaying

logger = logging.getLogger(__name__)

PAUSE = 0.2  # seconds between two looks at a document: a class that comes in is looked at as one


class Usher:
    def __init__(self, nursery: trio.Nursery, desk: Desk, world: World) -> None:
        self._nursery = nursery
        self._desk = desk
        self._world = world
        self._minding: dict[str, bool] = {}  # the keys looked after now -> whether to look once more

    async def send_out(self, key: str, users: Iterable[str], by: Person) -> Sequence[str]:
        """Which of them had been let in, and were shown out.

        Raises NotFound, Forbidden, ServerUnreachable, JournalFailed, Unavailable.
        """
        row = await self._world.journal.document(key)
        file = await self._world.journal.file(row.file) if row else None
        if row is None or file is None:
            raise NotFound("There is no such document.")
        if file.file.owner != by.id and not by.operates:
            raise Forbidden("Only the file's owner or an admin can send people out.")
        document = await self._desk.ask(key)
        if document is None or document.closed:
            return []
        there = sorted((document.users | document.names.keys()).intersection(users))
        if there:
            await self._send_out(key, there, by.id)
        return there

    async def mind(self, file_id: str) -> None:
        """Who may do what with the file has changed. Raises JournalFailed."""
        for row in await self._world.journal.open_documents(file_id):
            self.look(row.key)

    def look(self, key: str, document: Document | None = None) -> None:
        """Soon, whoever may no longer be there is shown out. `document` is what it was a moment ago."""
        if key not in self._minding:
            self._nursery.start_soon(self._look, key, document)
        self._minding[key] = key in self._minding

    async def _look(self, key: str, document: Document | None) -> None:
        try:
            again = True
            while again:
                self._minding[key] = False
                seems = document is None or bool(await self._overstaying(document))  # nearly never
                if seems and (users := await self._overstaying(await self._desk.ask(key))):
                    await self._send_out(key, users, "")
                await trio.sleep(PAUSE)
                document, again = None, self._minding[key]
        except TROUBLE as trouble:
            logger.warning("%s: who may no longer be there could not be sent out: %s", key, trouble)
        finally:
            del self._minding[key]

    async def _overstaying(self, document: Document | None) -> Sequence[str]:
        file = await self._world.journal.file(document.file) if document else None
        return sorted(overstaying(document, file.file)) if document and file else []

    async def _send_out(self, key: str, users: Sequence[str], by: str) -> None:
        with trio.move_on_after(self._world.patience.replacing):
            try:
                await save(key, self._desk, self._world)
            except TROUBLE as trouble:  # nothing is lost by that: what was typed stays in the document
                logger.warning("%s: not saved before people are sent out: %s", key, trouble)
        await self._desk.ask(key, SendOut(at=self._world.now(), users=tuple(users), by=by))
        answer = await self._world.server.command("drop", key, users=users)
        if answer.error != Code.OK:
            raise ServerUnreachable(f"it answered {answer.error} to a drop")
