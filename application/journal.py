"""What the application asks of the journal: streams of facts, and what can be read off them.

Stream names are `document/<key>` and `file/<id>`. Every row is written in the transaction of the
facts it follows from, so what is read here is never behind the log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.document import Document
from domain.events import DocumentEvent, Event, FileEvent
from domain.file import File
from domain.words import Standing, Trigger


class StaleWrite(Exception):
    """Somebody else recorded first: read again, decide again."""


class JournalFailed(Exception):
    """The journal could not be read or written; whether a write happened is not known."""


@dataclass(frozen=True, slots=True)
class DocumentChange:
    """Facts for one document's stream, which has `after` facts so far, and the state they lead to."""

    key: str
    after: int
    events: Sequence[DocumentEvent]
    state: Document


@dataclass(frozen=True, slots=True)
class FileChange:
    id: str
    after: int
    events: Sequence[FileEvent]
    state: File


Change = DocumentChange | FileChange


@dataclass(frozen=True, slots=True)
class Recorded:
    """A fact with its place: `position` in the whole log, `number` in its stream, both from 1."""

    position: int
    number: int
    event: Event


@dataclass(frozen=True, slots=True)
class FileRow:
    id: str
    version: int  # of the stream: how many facts it has
    added_at: datetime
    file: File
    live: str | None  # the one key that is handed out for it


@dataclass(frozen=True, slots=True)
class DocumentRow:
    key: str
    version: int
    file: str
    state: str  # open, editing, saving, closed
    standing: Standing
    base: int
    head: int
    opened_at: datetime
    closed_at: datetime | None
    closed_reason: str | None
    users: Mapping[str, str]  # who edits now: id -> name
    saved_version: int | None
    saved_at: datetime | None
    trouble: str | None


@dataclass(frozen=True, slots=True)
class VersionRow:
    number: int
    sha256: str
    size: int  # bytes
    trigger: Trigger
    created: datetime
    head: bool
    users: Sequence[str]
    key: str | None
    filetype: str
    restored: int | None
    changes_sha256: str | None = None


class Journal(Protocol):
    """Every method raises JournalFailed when the store fails."""

    async def append(self, *changes: Change) -> None:
        """Record all changes durably, together or not at all. Raises StaleWrite."""
        ...

    async def document_history(self, key: str, after: int = 0) -> Sequence[Recorded]: ...

    async def file_history(self, file_id: str, after: int = 0) -> Sequence[Recorded]: ...

    async def file(self, file_id: str) -> FileRow | None: ...

    async def files(self, user: str, *, before: str | None = None, limit: int = 100) -> Sequence[FileRow]:
        """What `user` may see and is not removed, the newest first; `before` is the last id of a page."""
        ...

    async def versions(self, file_id: str) -> Sequence[VersionRow]: ...

    async def version(self, file_id: str, number: int) -> VersionRow | None: ...

    async def document(self, key: str) -> DocumentRow | None: ...

    async def documents(self, keys: Sequence[str]) -> Sequence[DocumentRow]: ...

    async def open_documents(self) -> Sequence[DocumentRow]:
        """Every document that is open or has an offer to fetch: what a restart takes up again."""
        ...

    async def last_document(self, file_id: str) -> DocumentRow | None:
        """The file's latest session, however it ended."""
        ...
