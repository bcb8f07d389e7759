"""A new head from outside while people may edit: their work is saved first, and they are sent out."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import trio

from application.desk import Desk
from application.draining import TROUBLE, save, send_out
from application.files import Files, expect
from application.journal import FileRow
from application.people import Person
from application.ports import Blob
from application.world import World
from domain.words import Access

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Replacing:
    """Where they cannot be saved and sent out in time, their session's saves become conflict versions."""

    desk: Desk
    world: World
    files: Files

    async def put(self, file_id: str, blob: Blob, person: Person, *, expected: int | str | None) -> FileRow:
        """As Files.put; what is being typed counts as a change of the file. Raises Changed."""
        row = await self.files.get(file_id, person, Access.EDIT)
        expect(row.file, expected)
        if row.live and blob.sha256 != row.file.sha256:
            row = await self._clear(row, row.live, person, expected)
            expected = row.file.head if expected is not None else None
        return await self.files.put(file_id, blob, person, expected=expected)

    async def restore(self, file_id: str, number: int, person: Person) -> FileRow:
        """As Files.restore."""
        await self.files.restorable(file_id, number, person)
        row = await self.files.get(file_id, person, Access.EDIT)
        if row.live:
            await self._clear(row, row.live, person, None)
        return await self.files.restore(file_id, number, person)

    async def _clear(self, row: FileRow, key: str, person: Person, expected: int | str | None) -> FileRow:
        with trio.move_on_after(self.world.patience.replacing) as scope:
            try:
                await save(key, self.desk, self.world)
                row = await self.files.get(row.id, person, Access.EDIT)
                expect(row.file, expected)  # before anybody is sent out for nothing
                await send_out(key, self.desk, self.world)
            except TROUBLE as trouble:
                logger.warning("%s: replaced while it is edited: %s", key, trouble)
        if scope.cancelled_caught:
            logger.warning("%s: replaced while it is edited: its editors could not be sent out in time", key)
        latest = await self.files.get(row.id, person, Access.EDIT)
        if expected is not None and latest.file.head != row.file.head:
            version = await self.files.version(row.id, latest.file.head, person)
            if version.key != key:
                expect(latest.file, expected)
        return latest
