"""Who reads the log as it grows, how far, and what of it they may see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto

import trio

from application.journal import FileRow, Query, Recorded
from application.people import Person
from domain import events
from domain.file import EVERYBODY
from domain.words import Access

Parting = events.Removed | events.Shared  # what takes a file from people, who are told of it as the last
Rows = Mapping[str, FileRow | None]  # by the file's id


class Sight(Enum):
    NONE = auto()
    DISCREET = auto()  # not where anybody was
    FRANK = auto()


def sight(person: Person, file: FileRow | None) -> Sight:
    """Of what happens to a file."""
    if person.audits:
        return Sight.FRANK
    if file is None or file.file.access(person.id) is Access.NONE:
        return Sight.NONE
    if file.file.owner == person.id:
        return Sight.FRANK
    return Sight.NONE if file.file.removed else Sight.DISCREET


def sight_of(parting: Parting | None, stream: str, person: Person, file: FileRow | None) -> Sight:
    """Of one fact, by what it takes from people, its stream, and the file that it is about as that is now."""
    seen = sight(person, file)
    if stream.startswith("reader/") and not person.audits:
        return Sight.NONE
    if seen is Sight.NONE and file and parting and _took(parting, person, file):
        return Sight.DISCREET
    return seen


def parting_of(fact: events.Event) -> Parting | None:
    match fact:
        case events.Removed() | events.Shared(access=Access.NONE):
            return fact
    return None


def _took(parting: Parting, person: Person, file: FileRow) -> bool:
    match parting:
        case events.Removed():
            return file.file.access(person.id) is not Access.NONE
        case events.Shared(user=user):
            return user in {person.id, EVERYBODY}


def discreet(recorded: Recorded) -> Recorded:
    """Without where anybody was."""
    match recorded.event:
        case events.Admitted() | events.Consulted() as fact if fact.address:
            return replace(recorded, event=replace(fact, address=""))
    return recorded


@dataclass(frozen=True, slots=True)
class News:
    """A fact, told."""

    position: int
    parting: Parting | None
    stream: str
    file: str | None
    frank: bytes
    discreet: bytes  # without the addresses that people came from


@dataclass(eq=False, slots=True)
class Reader:
    """Whoever reads, what, and how far: all up to `position` was taken, or is not for this reader."""

    person: Person
    query: Query  # one file, one key, both, or neither
    position: int
    woken: trio.Event = field(default_factory=trio.Event)

    def told(self, news: Iterable[News], rows: Rows) -> Sequence[bytes]:
        """What of it this reader asked for and may see."""
        told = (self._told(item, rows.get(item.file or "")) for item in news)
        return [text for text in told if text is not None]

    def sees(self, fact: Recorded, rows: Rows) -> bool:
        row = rows.get(fact.file or "")
        return sight_of(parting_of(fact.event), fact.stream, self.person, row) is not Sight.NONE

    def _told(self, news: News, row: FileRow | None) -> bytes | None:
        if self.query.file not in {None, news.file}:
            return None
        if self.query.key is not None and news.stream != f"document/{self.query.key}":
            return None
        match sight_of(news.parting, news.stream, self.person, row):
            case Sight.FRANK:
                return news.frank
            case Sight.DISCREET:
                return news.discreet
            case Sight.NONE:
                return None
