"""Making the file that a callback offers, or failing to, when a fault wants it so."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple

from . import callbacks
from .changes import Run
from .converting import converted
from .documents import write_text
from .room import Room

if TYPE_CHECKING:
    from .server import Standin


FORMS_DATA = "formsdata.json"


class Outcome(Enum):
    WHOLE = auto()
    CORRUPT = auto()  # there is a file, but the converter does not vouch for it
    FAILED = auto()


class Work(NamedTuple):
    document: bytes
    text: str | None  # None for a document that nobody changed
    history: Sequence[Run]


class Assembly(NamedTuple):
    outcome: Outcome
    directory: str | None = None


async def assemble(standin: Standin, room: Room, work: Work, *statuses: int) -> Assembly:
    """`statuses` are those that the callback may have."""
    fault = standin.faults.take("assembly", room.key, *statuses)
    if fault and fault.kind == "fail":
        return Assembly(Outcome.FAILED)
    document, text, history = work
    content = document if text is None else await write_text(room.filetype, document, text)
    if room.assembled_as != room.filetype:
        content = await converted(content, room.filetype, room.assembled_as)
    name, now = output(room), standin.now()
    directory = standin.results.directory(room.key)
    standin.results.keep(directory, name, content, now)
    if text is not None:
        standin.results.keep(directory, "changes.zip", callbacks.changes_archive(history, text), now)
    return Assembly(Outcome.CORRUPT if fault else Outcome.WHOLE, directory)


def links(standin: Standin, room: Room, base_url: str, directory: str | None) -> callbacks.Fields:
    """`url` and, where they are, `changesurl` and `formsdataurl`, signed now."""
    if directory is None:
        return {}
    names = {"url": output(room), "changesurl": "changes.zip", "formsdataurl": FORMS_DATA}
    urls = {
        field: standin.results.link(base_url, directory, name, standin.now()) for field, name in names.items()
    }
    return {field: url for field, url in urls.items() if url}


def output(room: Room) -> str:
    return f"output.{room.assembled_as}"
