"""New files that are no uploads: converted from another, copied out of an editor, or begun with nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

from application.converting import BadResult, converted, fetched
from application.files import Files, WrongType
from application.journal import FileRow
from application.names import BadName, checked_name
from application.people import Person
from application.ports import ConversionFailed, DownloadFailed, ServerUnreachable
from application.world import World
from domain.file import Made
from domain.formats import FORMATS, Format, format_of
from domain.words import Access, Trigger

PASSWORD = -5


class CannotConvert(Exception):
    """The Document Server said no; the text says why."""


class NotDelivered(Exception):
    """The Document Server did not answer, or its result did not come; trying again may help."""


class Copies:
    def __init__(self, files: Files, world: World, blank: Callable[[str], bytes | None]) -> None:
        """`blank` makes an empty document of a type, where there is one."""
        self._files = files
        self._world = world
        self._blank = blank

    async def convert(
        self, file_id: str, person: Person, wanted: str | None, link: Callable[[FileRow], str]
    ) -> FileRow:
        """A new file beside this one, of its owner and for the same people; this one stays as it is.

        `link` makes a url under which the Document Server finds the head. Raises NotFound, Forbidden,
        WrongType, CannotConvert, NotDelivered, TooLarge, StorageFailed.
        """
        row = await self._files.get(file_id, person, Access.EDIT)
        head, source = row.file, format_of(row.file.name)
        outputtype = _target(source, wanted)
        assert source is not None
        with _in_plain_words():
            blob = await converted(
                self._world,
                link(row),
                head.sha256,
                filetype=source.extension,
                outputtype=outputtype,
                title=head.name,
            )
        name = f"{head.name.rpartition('.')[0]}.{outputtype}"
        made = Made(row.id, head.head, source.extension)
        return await self._files.add(name, blob, person, Trigger.CONVERSION, made=made, like=head)

    async def save_as(self, file_id: str, person: Person, url: str, title: str, filetype: str) -> FileRow:
        """What an editor made of a file that this person may see, as a new file of this person's.

        Raises NotFound, Forbidden, BadName, WrongType, NotDelivered, TooLarge, StorageFailed.
        """
        row = await self._files.get(file_id, person)
        if filetype not in FORMATS:
            raise WrongType(f"ONLYOFFICE does not open .{filetype[:20]} files.")
        name = _named(title, filetype)
        with _in_plain_words():
            blob = await fetched(self._world, url, filetype)
        source = format_of(row.file.name)
        other = source.extension if source and source.extension != filetype else None
        made = Made(row.id, None, other)  # of no version: nobody has saved what the editor showed
        return await self._files.add(name, blob, person, Trigger.SAVE_AS, made=made)

    async def begin(self, name: str, person: Person) -> FileRow:
        """Raises BadName, WrongType, StorageFailed."""
        name = checked_name(name)
        format_ = format_of(name)
        content = self._blank(format_.extension) if format_ else None
        if content is None:
            raise WrongType("No new document of that type can be begun here. Name it .docx, for example.")

        async def chunks() -> AsyncIterator[bytes]:
            yield content

        blob = await self._files.store(chunks())
        return await self._files.add(name, blob, person, Trigger.BLANK)


def _target(source: Format | None, wanted: str | None) -> str:
    """The type to convert to. Raises WrongType."""
    if source is None:
        raise WrongType("The file is of a type that ONLYOFFICE does not open.")
    if wanted is None:
        if source.converts_to is None:
            why = "can be edited as it is" if source.editable else "cannot be converted for editing"
            raise WrongType(f"A .{source.extension} file {why}.")
        return source.converts_to
    target = FORMATS.get(wanted)
    if target is None or not target.editable or target.extension == source.extension:
        raise WrongType("That is no type to convert it to. Try docx, xlsx or pptx.")
    return target.extension


def _named(title: str, filetype: str) -> str:
    """Raises BadName."""
    name = checked_name(title)
    format_ = format_of(name)
    if format_ and format_.extension == filetype:
        return name
    stem = name.rpartition(".")[0] if format_ else name
    if not stem:
        raise BadName("A file needs a name.")
    return checked_name(f"{stem}.{filetype}")


@contextmanager
def _in_plain_words() -> Iterator[None]:
    """Raises CannotConvert, NotDelivered."""
    try:
        yield
    except ConversionFailed as failed:
        advice = " Take the password off and upload it again." if failed.code == PASSWORD else ""
        raise CannotConvert(f"It cannot be converted: {failed}.{advice}") from failed
    except (ServerUnreachable, DownloadFailed, BadResult) as trouble:
        raise NotDelivered(f"The Document Server did not deliver it: {trouble}.") from trouble
