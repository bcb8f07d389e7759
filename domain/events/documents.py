"""Of an open document: one editing session of one file, under one Document Server key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.events.fact import Fact
from domain.words import CloseReason, Mode, Next, Source, Standing, Trigger


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
