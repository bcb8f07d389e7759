"""What has happened. Past tense; names and fields are the storage format.

A recorded class is never renamed and never loses a field; a new field has a default; a new meaning
is a new class. `at` is when we recorded the fact, aware UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.words import Access, CloseReason, Mode, Next, Source, Standing, Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    at: datetime


# -- an open document: one editing session of one file, under one Document Server key ---------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened(Fact):
    file: str
    name: str
    filetype: str
    owner: str
    base: int  # the version the session starts from


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted(Fact):
    user: str
    name: str
    mode: Mode
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined(Fact):
    user: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Left(Fact):
    user: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SentOut(Fact):
    """The server was asked to show somebody out, after what they had typed was saved."""

    user: str
    by: str = ""  # nobody: they may no longer do what they were let in for


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveOffered(Fact):
    offer: str
    url: str
    status: int
    trigger: Trigger
    filetype: str
    users: tuple[str, ...] = ()
    changes_url: str | None = None
    history: Any = None
    lastsave: datetime | None = None
    notmodified: bool | None = None
    keep: bool = False  # a status 3: the server was told to keep its change log
    forms_data_url: str | None = None  # of a submitted form


@dataclass(frozen=True, slots=True, kw_only=True)
class Forcesaved(Fact):
    offer: str
    version: int
    sha256: str
    size: int  # bytes
    trigger: Trigger
    lag: float  # seconds from the server's last change (or the offer) to stored
    head: bool = True  # whether it became what people open
    original: int | None = None  # the version that has the bytes as offered, where they were converted
    original_sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved(Fact):
    offer: str
    version: int
    sha256: str
    size: int  # bytes
    lag: float  # seconds, as above
    head: bool = True
    original: int | None = None
    original_sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed(Fact):
    reason: CloseReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopened(Fact):
    user: str
    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Errored(Fact):
    source: Source
    detail: str
    attempt: int
    next: Next
    offer: str | None = None
    sha256: str | None = None  # of the bytes in quarantine


@dataclass(frozen=True, slots=True, kw_only=True)
class Reloaded(Fact):
    """The server has fetched an older version than the session had come to, and goes on from there."""

    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed(Fact):
    """The server obeys our commands again: the trouble with them is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replied(Fact):
    """What the server was told about an offer or a failure; to its other callbacks that is always 0."""

    status: int  # of the callback
    http: int
    error: int
    seconds: float  # from the callback to its answer
    offer: str | None = None


# -- a file ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Added(Fact):
    name: str
    owner: str
    owner_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionAdded(Fact):
    number: int
    sha256: str
    size: int  # bytes
    trigger: Trigger
    filetype: str
    head: bool  # whether it became what people open
    users: tuple[str, ...] = ()
    key: str | None = None  # the session it came from
    offer: str | None = None
    origin: Trigger | None = None  # of a conflict: how the bytes came
    restored: int | None = None  # of a restore: the version brought back
    changes_url: str | None = None
    history: Any = None
    changes_sha256: str | None = None  # of the server's record of what was changed, a zip
    forms_sha256: str | None = None  # of what was filled into a submitted form, JSON
    converted_from: str | None = None  # the type it was made of
    from_file: str | None = None  # where it was made of a version of another file
    from_version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Thinned(Fact):
    """Automatic saves that the retention has removed; what is left still tells the story."""

    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Renamed(Fact):
    name: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared(Fact):
    user: str  # `*` is everybody who is signed in
    name: str
    access: Access
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed(Fact):
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reinstated(Fact):
    by: str


# -- every stream -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Redacted(Fact):
    """A person's data were taken out of earlier facts of this stream; `left` seals what remains."""

    user: str
    by: str
    left: Mapping[str, str]  # a fact's number -> the SHA-256 of its new text


# -- the reading of this log, in one stream per reader -----------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Consulted(Fact):
    """Somebody looked at what the log says."""

    user: str
    name: str
    address: str
    what: str  # which view of it
    file: str | None = None
    key: str | None = None
    filters: str = ""  # as in a url's query


DocumentEvent = (
    Opened
    | Admitted
    | Joined
    | Left
    | SentOut
    | SaveOffered
    | Forcesaved
    | Saved
    | Closed
    | Reopened
    | Errored
    | Reloaded
    | Resumed
    | Replied
    | Redacted
)
FileEvent = Added | VersionAdded | Thinned | Renamed | Shared | Removed | Reinstated | Redacted
ReadingEvent = Consulted | Redacted
Event = DocumentEvent | FileEvent | ReadingEvent
