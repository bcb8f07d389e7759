"""Who is asking, and whom the facts name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from domain import events
from domain.events import Event
from domain.file import EVERYBODY

AUDITOR = "auditor"  # the role that may read the whole log
ADMIN = "admin"  # the role that may see how the service is, and send people out of documents


@dataclass(frozen=True, slots=True)
class Person:
    id: str  # our own short id, never the outside `sub`
    name: str
    role: str = "user"  # or several, with blanks between

    @property
    def audits(self) -> bool:
        return AUDITOR in self.role.split()

    @property
    def operates(self) -> bool:
        return ADMIN in self.role.split()


def named_in(fact: Event) -> frozenset[str]:
    """The ids of everybody who did what the fact says, or whom it was done to."""
    match fact:
        case events.Added(owner=owner):
            return frozenset({owner})
        case (
            events.Shared(user=user, by=by)
            | events.Redacted(user=user, by=by)
            | events.SentOut(user=user, by=by)
        ):
            return frozenset({user, by} - {EVERYBODY, ""})
        case events.Renamed(by=by) | events.Removed(by=by) | events.Reinstated(by=by):
            return frozenset({by})
        case events.SaveOffered(users=users) | events.VersionAdded(users=users):
            return frozenset(users)
        case (
            events.Admitted(user=user)
            | events.Joined(user=user)
            | events.Left(user=user)
            | events.Reopened(user=user)
            | events.Consulted(user=user)
        ):
            return frozenset({user} - {""})
    return frozenset()


def introduced(facts: Iterable[Event]) -> dict[str, str]:
    """The names that facts give to ids, the last word on each."""
    names = {}
    for fact in facts:
        match fact:
            case (
                events.Admitted(user=user, name=name)
                | events.Consulted(user=user, name=name)
                | events.Shared(user=user, name=name)
                | events.Added(owner=user, owner_name=name)
            ) if name and user != EVERYBODY:
                names[user] = name
    return names
