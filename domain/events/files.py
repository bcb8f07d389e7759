"""Of a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from domain.events.fact import Fact
from domain.words import Access, Trigger


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
