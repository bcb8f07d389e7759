"""Which automatic saves may go: by their age, never a version that somebody meant to keep."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

from domain import events
from domain.events import FileEvent
from domain.file import File
from domain.words import Trigger

AUTOMATIC = frozenset({Trigger.COMMAND, Trigger.TIMER})
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

ALL = timedelta(0)
HOURLY = timedelta(hours=1)
DAILY = timedelta(days=1)
WEEKLY = timedelta(weeks=1)
NONE = timedelta.max

Slot = tuple[timedelta, int]  # its length, and the how many-th it is since 1970


class Version(Protocol):
    """What the decision looks at; the journal's rows have it."""

    @property
    def number(self) -> int: ...
    @property
    def trigger(self) -> Trigger: ...
    @property
    def created(self) -> datetime: ...
    @property
    def key(self) -> str | None: ...
    @property
    def head(self) -> bool: ...


class Stage(NamedTuple):
    """Up to this age, the last automatic save of each `slot` stays."""

    age: timedelta
    slot: timedelta


@dataclass(frozen=True, slots=True)
class Policy:
    """From fine to coarse, so that it does not matter how often one thins."""

    stages: tuple[Stage, ...] = ()
    then: timedelta = ALL

    @property
    def keeps_all(self) -> bool:
        return all(slot == ALL for slot in (self.then, *(stage.slot for stage in self.stages)))

    def slot(self, age: timedelta) -> timedelta:
        return next((stage.slot for stage in self.stages if age < stage.age), self.then)


def thin(
    file: File, versions: Sequence[Version], policy: Policy, *, at: datetime, needed: Set[int]
) -> tuple[FileEvent, ...]:
    """`versions` in their order; `needed` are numbers that stay, whatever made them."""
    # What a session came to, also where an equal final made no version of its own, or none ever came.
    results = {(version.key, version.head): version.number for version in versions}
    automatic = [version for version in versions if version.trigger in AUTOMATIC]
    lasts = {_slot(version, policy, at): version.number for version in automatic}
    lasts.pop(None, None)
    stay = {file.head, *needed, *results.values(), *lasts.values()}
    gone = tuple(version.number for version in automatic if version.number not in stay)
    return (events.Thinned(at=at, numbers=gone),) if gone else ()


def _slot(version: Version, policy: Policy, at: datetime) -> Slot | None:
    """Of the versions in one slot the last stays; of those in none, none."""
    slot = policy.slot(at - version.created)
    if slot == NONE:
        return None
    if slot == ALL:
        return ALL, version.number
    return slot, (version.created - EPOCH) // slot
