"""Opening a file: everybody who opens it while it is open gets the same key."""

from __future__ import annotations

from dataclasses import dataclass

import trio

from application.desk import Desk
from application.files import Files, WrongType
from application.journal import FileRow, StaleWrite
from application.people import Person
from application.racing import until_recorded
from application.world import World
from domain.commands import Admit, NoteLoaded, Open
from domain.document import SAVING, Document
from domain.formats import Format, format_of
from domain.keys import document_key
from domain.levels import mode_of
from domain.words import CloseReason, Mode, Standing


class SavingInProgress(Exception):
    """The last session's final save is not committed yet; try again soon."""


class Shut(Exception):
    """An operator is about to stop the service: nobody is let in any more."""


@dataclass(frozen=True, slots=True)
class Opening:
    """A user let in under a key, and what the key's session started from."""

    key: str
    row: FileRow
    format: Format
    mode: Mode
    version: int  # whose bytes the Document Server is to load
    document: Document


class Door:
    def __init__(self, desk: Desk, world: World, files: Files) -> None:
        self._desk = desk
        self._world = world
        self._files = files
        self.shut = False  # by an operator, until the next start

    async def open(self, file_id: str, person: Person, address: str, *, wanted: Mode = Mode.EDIT) -> Opening:
        """Raises NotFound, Forbidden, WrongType, SavingInProgress, Shut, Unavailable, JournalFailed."""
        if self.shut:
            raise Shut

        async def attempt() -> Opening:
            """Raises StaleWrite when somebody else was quicker: join them."""
            row = await self._files.get(file_id, person)
            format_ = await self._check_type(row)
            mode = mode_of(row.file.access(person.id), wanted, format_)
            admit = Admit(
                at=self._world.now(),
                user=person.id,
                name=person.name,
                mode=mode,
                address=address,
                head=row.file.head,
                reuse=self._world.patience.reuse,
                afresh=self._world.nodes.several and mode.joins,
            )
            key, document = await self._join(row, admit) or await self._begin(row, format_, admit)
            return Opening(key, row, format_, mode, document.head, document)

        return await until_recorded(attempt)

    async def load(self, key: str, version: int) -> None:
        """The server fetches a version to begin a session with. Raises Unavailable, JournalFailed.

        It may be a page that slept, with the link it was given: its session may have moved on since, and
        must not write an older text over that.
        """
        row = await self._world.journal.document(key)
        if row and row.head != version:
            await self._desk.ask(key, NoteLoaded(at=self._world.now(), version=version))

    async def _check_type(self, row: FileRow) -> Format:
        format_ = format_of(row.file.name)
        if format_ is None:
            raise WrongType(
                f"{row.file.name!r} is of a type that ONLYOFFICE does not open. Convert it first, "
                "or rename it if its extension is wrong."
            )
        verdict = await self._world.inspector.inspect(row.file.sha256, format_.extension)
        if not verdict.accepted:
            raise WrongType(verdict.reason)
        return format_

    async def _join(self, row: FileRow, admit: Admit) -> tuple[str, Document] | None:
        """The key that is live, or the last one if it can be handed out again."""
        key = row.live or await self._last_worth_asking(row)
        if key is None:
            return None
        if self._world.may_wait(key):  # what the session came to is not in the journal yet
            raise SavingInProgress(key)
        document = await self._desk.ask(key, admit)
        if document and document.finishing:
            await self._wait_for_the_final(key)
            raise StaleWrite(f"{key}: its final save has come")
        if document and not document.closed and document.standing is Standing.LIVE:
            return key, document
        if row.live:
            raise StaleWrite(f"{key}: it has just been closed")
        return None

    async def _last_worth_asking(self, row: FileRow) -> str | None:
        last = await self._world.journal.last_document(row.id)
        if last is None:
            return None
        waits = last.state == SAVING or self._world.sidecars.holds(last.key)
        return last.key if waits or last.closed_reason == CloseReason.UNCHANGED else None

    async def _wait_for_the_final(self, key: str) -> None:
        with trio.move_on_after(self._world.patience.commit) as scope:
            await self._desk.wait(key, lambda document: not document.finishing)
        if scope.cancelled_caught:
            raise SavingInProgress(key)

    async def _begin(self, row: FileRow, format_: Format, admit: Admit) -> tuple[str, Document]:
        key = document_key(admit.user, row.id, admit.at)
        command = Open(
            file=row.id,
            name=row.file.name,
            filetype=format_.extension,
            owner=row.file.owner,
            first=admit,
        )
        document = await self._desk.ask(key, command)
        latest = await self._world.journal.file(row.id)
        if latest and latest.file.head != admit.head:
            raise StaleWrite(f"{row.id}: replaced in the same instant")  # it would only make conflicts
        if document is None or document.closed:
            raise StaleWrite(f"{key}: used up within its millisecond")
        return key, document
