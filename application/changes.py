"""What is recorded together: new facts of a stream, and the state that they lead to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from domain.commands import Command
from domain.document import Document
from domain.events import DocumentEvent, FileEvent, ReadingEvent
from domain.file import File


@dataclass(frozen=True, slots=True)
class DocumentChange:
    """Facts for one document's stream, which has `after` facts so far, and the state they lead to."""

    key: str
    after: int
    events: Sequence[DocumentEvent]
    state: Document
    cause: Command | None = None  # what was decided on


@dataclass(frozen=True, slots=True)
class FileChange:
    id: str
    after: int
    events: Sequence[FileEvent]
    state: File


@dataclass(frozen=True, slots=True)
class ReadingChange:
    """For the stream of whoever reads the log."""

    reader: str
    after: int
    events: Sequence[ReadingEvent]


Change = DocumentChange | FileChange | ReadingChange


def stream_of(change: Change) -> str:
    match change:
        case DocumentChange(key=key):
            return f"document/{key}"
        case FileChange(id=id_):
            return f"file/{id_}"
        case ReadingChange(reader=reader):
            return f"reader/{reader}"


def file_of(change: Change) -> Sequence[str | None]:
    """For each fact of a change, the file that it is about."""
    match change:
        case DocumentChange(state=state):
            return [state.file] * len(change.events)
        case FileChange(id=id_):
            return [id_] * len(change.events)
        case ReadingChange():
            return [getattr(event, "file", None) for event in change.events]
