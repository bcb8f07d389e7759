"""Who may see what of the log as it grows."""

from __future__ import annotations

from enum import Enum, auto

from application.journal import FileRow
from application.people import Person
from domain import events
from domain.words import Access

AUDITOR = "auditor"  # the role
LAST = events.Removed.__name__  # what whoever had a file is told of it last


class Sight(Enum):
    NONE = auto()
    DISCREET = auto()  # not where anybody was
    FRANK = auto()


def sight(person: Person, file: FileRow | None) -> Sight:
    """Of what happens to a file."""
    if person.role == AUDITOR:
        return Sight.FRANK
    if file is None or file.file.access(person.id) is Access.NONE:
        return Sight.NONE
    if file.file.owner == person.id:
        return Sight.FRANK
    return Sight.NONE if file.file.removed else Sight.DISCREET


def sight_of(kind: str, stream: str, person: Person, file: FileRow | None) -> Sight:
    """Of one fact, by its type, its stream, and the file that it is about as that is now."""
    if person.role == AUDITOR:
        return Sight.FRANK
    if stream.startswith("reader/"):
        return Sight.NONE
    if kind == LAST and file and file.file.access(person.id) is not Access.NONE:
        return Sight.DISCREET
    return sight(person, file)
