"""Files and their versions: what people do to them outside the editor."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable
from dataclasses import dataclass
from datetime import datetime

from application.changes import FileChange
from application.journal import FileRow, Journal, VersionRow
from application.names import checked_name, filetype_of
from application.people import Person
from application.ports import Blob, Blobs
from application.racing import until_recorded
from domain import file as files
from domain.events import FileEvent
from domain.file import NOTHING, File, Made
from domain.levels import covers
from domain.words import Access, Trigger

Decision = Callable[[File], tuple[FileEvent, ...]]


class NotFound(Exception):
    """No such thing, or none that this person may know of."""


class Forbidden(Exception):
    """This person may not do that."""


class WrongType(Exception):
    """The file cannot be opened in an editor, or not be made that; the text says why and what to do."""


class Changed(Exception):
    """The file is not at the version that the change was meant for."""

    def __init__(self, head: int) -> None:
        super().__init__(f"The file is at version {head} now. Fetch it, merge your change, try again.")
        self.head = head


@dataclass(frozen=True, slots=True)
class Shelf:
    """What files are kept with."""

    journal: Journal
    blobs: Blobs
    now: Callable[[], datetime]  # aware UTC
    new_id: Callable[[], str]  # sorts by time
    max_file_bytes: int


class Files:
    def __init__(self, shelf: Shelf) -> None:
        self._journal, self._now = shelf.journal, shelf.now
        self._shelf = shelf

    async def get(
        self, file_id: str, person: Person, needed: Access = Access.VIEW, *, removed: bool = False
    ) -> FileRow:
        """Raises NotFound, Forbidden. `removed` also finds what was deleted."""
        row = await self._journal.file(file_id)
        if row is None or (row.file.removed and not removed):
            raise NotFound(f"There is no file {file_id}.")
        _permit(row, person, needed)
        return row

    async def store(self, chunks: AsyncIterable[bytes]) -> Blob:
        """Raises TooLarge, StorageFailed."""
        return await self._shelf.blobs.keep(chunks, limit=self._shelf.max_file_bytes)

    async def add(
        self,
        name: str,
        blob: Blob,
        person: Person,
        trigger: Trigger = Trigger.UPLOAD,
        *,
        made: Made = NOTHING,
        like: File | None = None,
    ) -> FileRow:
        """A new file of this person's, or with the owner and the shares of another. Raises BadName."""
        name = checked_name(name)
        now = self._now()
        like = like or File(name, person.id, person.name)
        begun = files.begin(name, like, at=now, by=person.id)
        file = files.replay(begun)
        assert file is not None
        facts = (*begun, *_put(file, now, blob, person, trigger, made=made))
        state = files.replay(facts)
        assert state is not None
        file_id = self._shelf.new_id()
        await self._journal.append(FileChange(file_id, 0, facts, state))
        return FileRow(file_id, len(facts), now, state, None)

    async def rename(self, file_id: str, name: str, person: Person) -> FileRow:
        name = checked_name(name)
        return await self._change(
            file_id, person, lambda file: files.rename(file, at=self._now(), name=name, by=person.id)
        )

    async def share(self, file_id: str, user: str, name: str, access: Access, person: Person) -> FileRow:
        """Only the owner shares. `user` is one of our ids, or `*` for everybody signed in."""
        return await self._change(
            file_id,
            person,
            lambda file: files.share(file, at=self._now(), user=user, name=name, access=access, by=person.id),
            owners="Only its owner can share a file.",
        )

    async def remove(self, file_id: str, person: Person) -> None:
        await self._change(
            file_id,
            person,
            lambda file: files.remove(file, at=self._now(), by=person.id),
            owners="Only its owner can delete a file.",
        )

    async def reinstate(self, file_id: str, person: Person) -> FileRow:
        return await self._change(
            file_id,
            person,
            lambda file: files.reinstate(file, at=self._now(), by=person.id),
            owners="Only its owner can bring a file back.",
            removed=True,
        )

    async def put(self, file_id: str, blob: Blob, person: Person, *, expected: int | str | None) -> FileRow:
        """A new head from outside the editor, if the head is still `expected`: its number, or the
        sha256 of its bytes. Raises Changed.
        """

        def decision(file: File) -> tuple[FileEvent, ...]:
            expect(file, expected)
            return _put(file, self._now(), blob, person)

        return await self._change(file_id, person, decision)

    async def restore(self, file_id: str, number: int, person: Person) -> FileRow:
        """Make an older version the head again, as a new version."""
        version = await self.restorable(file_id, number, person)
        blob = Blob(version.sha256, version.size)

        def decision(file: File) -> tuple[FileEvent, ...]:
            return _put(file, self._now(), blob, person, restored=number, filetype=version.filetype)

        return await self._change(file_id, person, decision)

    async def restorable(self, file_id: str, number: int, person: Person) -> VersionRow:
        """Raises NotFound, Forbidden, WrongType."""
        row = await self.get(file_id, person, Access.EDIT)
        version = await self._version(row, number, person)
        if not version.head and version.filetype != filetype_of(row.file.name):
            what = f"Version {number} is of another type ({version.filetype}) and was never the file"
            raise WrongType(f"{what}. Download it, and upload it as a file of its own.")
        return version

    async def version(
        self, file_id: str, number: int, person: Person, needed: Access = Access.VIEW
    ) -> VersionRow:
        return await self._version(await self.get(file_id, person, needed), number, person)

    async def _version(self, row: FileRow, number: int, person: Person) -> VersionRow:
        version = await self._journal.version(row.id, number)
        if version is None:
            raise NotFound(f"The file has no version {number}.")
        if version.trigger is Trigger.FORM:  # what somebody sent in is not for all who may see the form
            _permit(row, person, Access.EDIT)
        return version

    async def _change(
        self, file_id: str, person: Person, decision: Decision, *, owners: str = "", removed: bool = False
    ) -> FileRow:
        """`owners` is what anybody but the owner is told, for what only an owner may do."""

        async def attempt() -> FileRow:
            row = await self.get(file_id, person, Access.VIEW if owners else Access.EDIT, removed=removed)
            if owners and row.file.owner != person.id:
                raise Forbidden(owners)
            facts = decision(row.file)
            state = files.replay(facts, row.file)
            assert state is not None
            if not facts:
                return row
            await self._journal.append(FileChange(file_id, row.version, facts, state))
            return FileRow(file_id, row.version + len(facts), row.added_at, state, row.live)

        return await until_recorded(attempt)


def _permit(row: FileRow, person: Person, needed: Access) -> None:
    """Raises Forbidden."""
    access = row.file.access(person.id)
    if not covers(access, needed):
        raise Forbidden("The file is not shared with you" + (" for that." if access != Access.NONE else "."))


def expect(file: File, version: int | str | None) -> None:
    """Its head is that version: a number, or the sha256 of its bytes. Raises Changed."""
    if version is not None and version not in (file.head, file.sha256):
        raise Changed(file.head)


def _put(
    file: File,
    now: datetime,
    blob: Blob,
    person: Person,
    trigger: Trigger = Trigger.UPLOAD,
    *,
    restored: int | None = None,
    filetype: str | None = None,
    made: Made = NOTHING,
) -> tuple[FileEvent, ...]:
    return files.put(
        file,
        at=now,
        sha256=blob.sha256,
        size=blob.size,
        filetype=filetype or filetype_of(file.name),
        by=person.id,
        trigger=trigger if restored is None else Trigger.RESTORE,
        restored=restored,
        made=made,
    )
