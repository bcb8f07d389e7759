"""What the application asks of the journal: streams of facts, and what can be read off them.

Stream names are `document/<key>`, `file/<id>` and `reader/<user>`. Every row is written in the
transaction of the facts it follows from, so what is read here is never behind the log.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from application.changes import Change
from domain.events import Event
from domain.file import File
from domain.words import Standing, Trigger


class StaleWrite(Exception):
    """Somebody else recorded first: read again, decide again."""


class JournalFailed(Exception):
    """The journal could not be read or written; whether a write happened is not known."""


class Damaged(ValueError):
    """What is stored is no fact any more; the text says where and what to do."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A fact with its place: `position` in the whole log, `number` in its stream, both from 1.

    Positions grow, are never given twice, and never change.
    """

    position: int
    stream: str
    number: int
    event: Event
    file: str | None = None  # that the fact is about
    cause: Mapping[str, Any] | None = None  # on the first fact of a decision: see application.causes


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which facts: those that fit everything that is given."""

    file: str | None = None  # of the file, its sessions, and who looked at them
    key: str | None = None  # of one session
    users: Sequence[str] = ()  # that name any of these users
    types: Sequence[str] = ()  # of any of these types
    since: datetime | None = None
    until: datetime | None = None  # not included


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
    forms_sha256: str | None = None  # of what was filled in, where it is a submitted form
    converted_from: str | None = None
    from_file: str | None = None
    from_version: int | None = None


class Journal(Protocol):
    """Every method raises JournalFailed when the store fails."""

    async def append(self, *changes: Change) -> None:
        """Record all changes durably, together or not at all. Raises StaleWrite."""
        ...

    async def document_history(self, key: str, after: int = 0) -> Sequence[Recorded]: ...

    async def file_history(self, file_id: str, after: int = 0) -> Sequence[Recorded]: ...

    async def document_version(self, key: str) -> int:
        """How many facts the document's stream has."""
        ...

    async def touched(self, after: int, upto: int) -> Mapping[str, int]:
        """Keys with facts beyond `after`, up to `upto`, each with the number of its last fact there."""
        ...

    async def facts(
        self, query: Query, *, before: int | None = None, after: int | None = None, limit: int = 100
    ) -> Sequence[Recorded]:
        """With `after`, those beyond that position, the oldest first; else those below `before`, the newest
        first. Raises Damaged.
        """
        ...

    async def position(self) -> int:
        """Of the last fact in the whole log; 0 when there is none."""
        ...

    async def grown(self, beyond: int) -> int:
        """Wait, under the caller's deadline, until the log goes beyond that position; how far it goes.

        Facts that another process recorded are noticed within seconds.
        """
        ...

    async def reading_version(self, reader: str) -> int:
        """How many facts the reader's stream has."""
        ...

    async def names(self, users: Collection[str]) -> Mapping[str, str]:
        """The last name that each of them is known under; none for who has no name."""
        ...

    async def users_named(self, name: str) -> Sequence[str]:
        """Ids of all who are known under this name."""
        ...

    async def file(self, file_id: str) -> FileRow | None: ...

    async def files(self, user: str, *, before: str | None = None, limit: int = 100) -> Sequence[FileRow]:
        """What `user` may see and is not removed, the newest first; `before` is the last id of a page."""
        ...

    async def files_with(self, ids: Collection[str]) -> Sequence[FileRow]:
        """Of these ids, in no order; removed ones too."""
        ...

    async def existing(self, versions: Collection[tuple[str, int]]) -> Collection[tuple[str, int]]:
        """Which of these versions, each a file and a number, have not been thinned out."""
        ...

    async def versions(self, file_id: str) -> Sequence[VersionRow]: ...

    async def version(self, file_id: str, number: int) -> VersionRow | None: ...

    async def document(self, key: str) -> DocumentRow | None: ...

    async def documents(self, keys: Sequence[str]) -> Sequence[DocumentRow]: ...

    async def open_documents(self, file_id: str | None = None) -> Sequence[DocumentRow]:
        """Every document (of a file) that is open or has an offer to fetch: what a restart takes up."""
        ...

    async def open_states(self, shards: Collection[int]) -> Mapping[str, str]:
        """Of the documents that `open_documents` gives, those of these shards: the state of each key.

        First those that have something unsaved, then those in trouble, and of the others the youngest.
        """
        ...

    async def open_page(self, user: str | None, *, after: str = "", limit: int) -> Sequence[DocumentRow]:
        """Of the documents that `open_documents` gives, in their order: those of files that this user may
        see, or with None all, from the one that follows this key.
        """
        ...

    async def open_counts(self) -> Mapping[str, int]:
        """How many of the documents that `open_documents` gives are in each state."""
        ...

    async def last_document(self, file_id: str) -> DocumentRow | None:
        """The file's latest session, however it ended."""
        ...

    async def autosaved_files(self, after: str, limit: int) -> Sequence[str]:
        """Ids beyond `after` of files with automatic saves, in their order."""
        ...

    async def freed(self, since: datetime, before: datetime, after: str, limit: int) -> Sequence[str]:
        """Digests beyond `after` of what was thinned from `since` to `before` and is part of no version
        any more, in their order.
        """
        ...

    async def is_referenced(self, sha256: str) -> bool:
        """Whether any version of any file has these bytes, as its content, its changes or its form's data."""
        ...
