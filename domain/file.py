"""A file: a name, an owner, who may do what, and versions that are only ever added."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import reduce
from typing import NamedTuple

from domain import events
from domain.events import FileEvent
from domain.levels import highest
from domain.words import Access, Trigger

EVERYBODY = "*"


class Share(NamedTuple):
    name: str
    access: Access


class Made(NamedTuple):
    """What a version was made of, where that is a version of another file."""

    file: str | None = None
    version: int | None = None
    filetype: str | None = None  # where it was converted from that


NOTHING = Made()


@dataclass(frozen=True, slots=True)
class File:
    name: str
    owner: str
    owner_name: str
    head: int = 0  # the number of the version that people open
    last: int = 0  # the highest number given so far
    sha256: str = ""  # of the head
    size: int = 0  # of the head, bytes
    changed_at: datetime | None = None
    shares: Mapping[str, Share] = field(default_factory=dict)
    removed: bool = False

    def access(self, user: str) -> Access:
        if user == self.owner:
            return Access.EDIT
        return highest(self.shares[who].access for who in (user, EVERYBODY) if who in self.shares)


def evolve(file: File | None, event: FileEvent) -> File:
    if isinstance(event, events.Added):
        return File(name=event.name, owner=event.owner, owner_name=event.owner_name)
    if file is None:
        raise ValueError(f"a file's history cannot begin with {type(event).__name__}")
    match event:
        case events.VersionAdded():
            return _version_added(file, event)
        case events.Thinned():
            return file  # never its head
        case events.Renamed(name=name):
            return replace(file, name=name)
        case events.Shared(user=user, access=Access.NONE):
            return replace(file, shares={who: s for who, s in file.shares.items() if who != user})
        case events.Shared(user=user, name=name, access=access):
            return replace(file, shares={**file.shares, user: Share(name, access)})
        case events.Removed():
            return replace(file, removed=True)
        case events.Reinstated():
            return replace(file, removed=False)
        case events.Redacted(user=user):
            return _redacted(file, user)


def replay(history: Iterable[FileEvent], file: File | None = None) -> File | None:
    return reduce(evolve, history, file)


def _version_added(file: File, event: events.VersionAdded) -> File:
    if not event.head:
        return replace(file, last=event.number)
    return replace(
        file,
        head=event.number,
        last=event.number,
        sha256=event.sha256,
        size=event.size,
        changed_at=event.at,
    )


def _redacted(file: File, user: str) -> File:
    shares = {who: s._replace(name="") if who == user else s for who, s in file.shares.items()}
    return replace(file, shares=shares, owner_name="" if file.owner == user else file.owner_name)


def begin(name: str, like: File, *, at: datetime, by: str) -> tuple[FileEvent, ...]:
    """A new file, with the owner and the shares of another."""
    added = events.Added(at=at, name=name, owner=like.owner, owner_name=like.owner_name)
    shared = [
        events.Shared(at=at, user=user, name=share.name, access=share.access, by=by)
        for user, share in like.shares.items()
    ]
    return (added, *shared)


def rename(file: File, *, at: datetime, name: str, by: str) -> tuple[FileEvent, ...]:
    return () if name == file.name else (events.Renamed(at=at, name=name, by=by),)


def share(
    file: File, *, at: datetime, user: str, name: str, access: Access, by: str
) -> tuple[FileEvent, ...]:
    current = file.shares[user].access if user in file.shares else Access.NONE
    if user == file.owner or current is access:
        return ()
    return (events.Shared(at=at, user=user, name=name, access=access, by=by),)


def remove(file: File, *, at: datetime, by: str) -> tuple[FileEvent, ...]:
    return () if file.removed else (events.Removed(at=at, by=by),)


def reinstate(file: File, *, at: datetime, by: str) -> tuple[FileEvent, ...]:
    return (events.Reinstated(at=at, by=by),) if file.removed else ()


def put(
    file: File,
    *,
    at: datetime,
    sha256: str,
    size: int,
    filetype: str,
    by: str,
    trigger: Trigger = Trigger.UPLOAD,
    restored: int | None = None,
    made: Made = NOTHING,
) -> tuple[FileEvent, ...]:
    """A new head from outside any session; none when the head has these very bytes."""
    if sha256 == file.sha256:
        return ()
    version = events.VersionAdded(
        at=at,
        number=file.last + 1,
        sha256=sha256,
        size=size,
        trigger=trigger,
        filetype=filetype,
        head=True,
        users=(by,),
        restored=restored,
        converted_from=made.filetype,
        from_file=made.file,
        from_version=made.version,
    )
    return (version,)
