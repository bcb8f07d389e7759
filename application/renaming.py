"""A new name for a file, which open editors show at once."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import trio

from application.files import Files
from application.journal import FileRow, JournalFailed
from application.names import filetype_of
from application.people import Person
from application.ports import Code, ServerUnreachable
from application.world import World
from domain.words import Access

logger = logging.getLogger(__name__)


class InUse(Exception):
    """The file is open and cannot become another type meanwhile; the text says so."""


@dataclass(frozen=True, slots=True)
class Renaming:
    nursery: trio.Nursery
    world: World
    files: Files

    async def permit(self, file_id: str, name: str, person: Person) -> None:
        """What is typed in an open document is saved as the type that it was opened as, and a file of
        another type could not be opened any more. Raises InUse, NotFound, Forbidden, JournalFailed.
        """
        row = await self.files.get(file_id, person, Access.EDIT)
        before = filetype_of(row.file.name)
        if before != filetype_of(name) and await self.world.journal.open_documents(file_id):
            raise InUse(f"The file is open. Close it before it becomes something else than .{before}.")

    async def rename(self, file_id: str, name: str, person: Person) -> FileRow:
        """As Files.rename. Raises InUse."""
        await self.permit(file_id, name, person)
        row = await self.files.rename(file_id, name, person)
        self.nursery.start_soon(self._tell, file_id)
        return row

    async def _tell(self, file_id: str) -> None:
        """The last name of all: of two renamings, one may be told late."""
        try:
            for document in await self.world.journal.open_documents(file_id):
                row = await self.world.journal.file(file_id)
                if row:
                    await self._show(document.key, row.file.name)
        except (ServerUnreachable, JournalFailed) as trouble:
            logger.warning("the new name of %s is not shown in open editors: %s", file_id, trouble)

    async def _show(self, key: str, name: str) -> None:
        """Raises ServerUnreachable."""
        answer = await self.world.server.command("meta", key, meta={"title": name})
        if answer.error != Code.OK:
            raise ServerUnreachable(f"it answered {answer.error} to a meta")
