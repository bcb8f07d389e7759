"""A life as it can be drawn, before there are coordinates: who was there when, and what happened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from application.journal import Recorded
from application.people import introduced
from application.telling import SOMEBODY, told
from domain import events
from domain.offers import FINAL
from domain.words import CloseReason, Mode, Next, Trigger

SHAPES = {
    Trigger.COMMAND: "auto",
    Trigger.TIMER: "auto",
    Trigger.BUTTON: "button",
    Trigger.FORM: "form",
    Trigger.FINAL: "final",
    Trigger.FAILED: "rescued",
    Trigger.RECOVERED: "rescued",
    Trigger.UPLOAD: "upload",
    Trigger.BLANK: "upload",
    Trigger.CONVERSION: "upload",
    Trigger.SAVE_AS: "upload",
    Trigger.RESTORE: "restore",
    Trigger.CONFLICT: "button",  # of unknown origin
}
# What a picture is made of; everything else is for the list.
DRAWN = (
    *("Opened", "Admitted", "Joined", "Left", "Closed", "Reopened", "SaveOffered"),
    *("Forcesaved", "Saved", "Errored", "Resumed", "VersionAdded"),
    *("Added", "Renamed", "Shared", "Removed", "Reinstated"),
)


@dataclass(frozen=True, slots=True)
class Mark:
    at: datetime
    shape: str
    words: str
    hollow: bool = False  # beside the head, or only looking


@dataclass(slots=True)
class Span:
    start: datetime
    end: datetime | None = None  # none: it goes on


@dataclass(slots=True)
class Lane:
    label: str
    kind: str  # user, saves, auto, troubles, file
    spans: list[Span] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)


@dataclass(slots=True)
class Life:
    sessions: list[Span] = field(default_factory=list)
    people: dict[str, Lane] = field(default_factory=dict)  # by user id, the first to come first
    saves: Lane = field(default_factory=lambda: Lane("Saves", "saves"))
    auto: Lane = field(default_factory=lambda: Lane("Auto-saves", "auto"))
    troubles: Lane = field(default_factory=lambda: Lane("Troubles", "troubles"))
    file: Lane = field(default_factory=lambda: Lane("File", "file"))

    @property
    def lanes(self) -> list[Lane]:
        """Only those in which there is something."""
        own = (self.saves, self.auto, self.troubles, self.file)
        return [*self.people.values(), *(lane for lane in own if lane.marks)]

    @property
    def moments(self) -> Iterator[datetime]:
        for span in (*self.sessions, *(span for lane in self.lanes for span in lane.spans)):
            yield span.start
            if span.end:
                yield span.end
        for lane in self.lanes:
            yield from (mark.at for mark in lane.marks)


def life_of(facts: Iterable[Recorded], names: Mapping[str, str]) -> Life:
    """Of facts in order, which may begin in the middle."""
    facts = list(facts)
    known = {**introduced(recorded.event for recorded in facts), **names}
    teller = _Teller(known, {recorded.stream: recorded.event.at for recorded in reversed(facts)})
    for recorded in facts:
        teller.take(recorded)
    return teller.life


class _Teller:
    def __init__(self, names: Mapping[str, str], begun: Mapping[str, datetime]) -> None:
        self.life = Life()
        self._names, self._begun = names, begun
        self._sessions: dict[str, Span | None] = {}  # by stream; none for one that is closed
        self._present: dict[tuple[str, str], Span] = {}  # who edits, by stream and user
        self._waiting: dict[tuple[str, str], Mark] = {}  # let in to edit, and not come yet

    def take(self, recorded: Recorded) -> None:
        fact, stream = recorded.event, recorded.stream
        if stream.startswith("document/") and stream not in self._sessions:
            self._open(stream, fact.at)
        match fact:
            case events.Reopened() if not self._sessions[stream]:
                self._open(stream, fact.at)
            case events.Closed():
                self._close(stream, fact)
            case events.Admitted():
                self._admit(stream, fact)
            case events.Joined(user=user):
                self._join(stream, user, fact.at)
            case events.Left(user=user):
                self._leave(stream, user, fact.at)
            case events.SaveOffered(status=status) if status in FINAL and not self._came_after(
                stream, fact.at
            ):
                self._all_leave(stream, fact.at)
            case events.Forcesaved() | events.Saved() | events.VersionAdded():
                self._save(fact)
            case events.Errored() | events.Resumed():
                self.life.troubles.marks.append(Mark(fact.at, trouble_shape(fact), self._words(fact)))
            case events.Added() | events.Renamed() | events.Shared() | events.Removed() | events.Reinstated():
                self.life.file.marks.append(Mark(fact.at, "file", self._words(fact)))

    def _open(self, stream: str, at: datetime) -> None:
        span = self._sessions[stream] = Span(at)
        self.life.sessions.append(span)

    def _close(self, stream: str, fact: events.Closed) -> None:
        self._all_leave(stream, fact.at)
        if session := self._sessions[stream]:
            session.end = fact.at
            self._sessions[stream] = None
        if fact.reason is CloseReason.LOST:
            self.life.troubles.marks.append(Mark(fact.at, "lost", self._words(fact)))

    def _admit(self, stream: str, fact: events.Admitted) -> None:
        viewing = fact.mode is Mode.VIEW
        if not viewing and (stream, fact.user) in self._present:
            return
        mark = Mark(fact.at, "admitted", self._words(fact), hollow=viewing)
        lane = self._lane(fact.user)
        lane.marks.append(mark)
        if not viewing:
            waiting = self._waiting.pop((stream, fact.user), None)
            if waiting:
                lane.marks.remove(waiting)
            self._waiting[stream, fact.user] = mark

    def _join(self, stream: str, user: str, at: datetime) -> None:
        lane = self._lane(user)
        if came := self._waiting.pop((stream, user), None):
            lane.marks.remove(came)
        if (stream, user) not in self._present:
            span = self._present[stream, user] = Span(at)
            lane.spans.append(span)

    def _leave(self, stream: str, user: str, at: datetime) -> None:
        if (stream, user) not in self._present:
            self._join(stream, user, self._begun[stream])
        self._present.pop((stream, user)).end = at

    def _all_leave(self, stream: str, at: datetime) -> None:
        for there, user in [who for who in self._present if who[0] == stream]:
            self._leave(there, user, at)

    def _came_after(self, stream: str, at: datetime) -> bool:
        return any(span.start > at for (there, _), span in self._present.items() if there == stream)

    def _save(self, fact: events.Forcesaved | events.Saved | events.VersionAdded) -> None:
        """A version out of a session is told by the session."""
        if isinstance(fact, events.VersionAdded) and fact.offer:
            return
        shape = saved_shape(fact)
        lane = self.life.auto if shape == "auto" else self.life.saves
        lane.marks.append(Mark(fact.at, shape, self._words(fact), hollow=not fact.head))

    def _lane(self, user: str) -> Lane:
        return self.life.people.setdefault(user, Lane(self._names.get(user) or SOMEBODY, "user"))

    def _words(self, fact: events.Event) -> str:
        return told(fact, self._names)


def saved_shape(fact: events.Forcesaved | events.Saved | events.VersionAdded) -> str:
    if isinstance(fact, events.Saved):
        return SHAPES[Trigger.FINAL]
    origin = fact.origin if isinstance(fact, events.VersionAdded) else None
    return SHAPES[origin or fact.trigger]


def trouble_shape(fact: events.Errored | events.Resumed) -> str:
    if isinstance(fact, events.Resumed):
        return "resumed"
    if fact.next is Next.QUARANTINE:
        return "quarantine"
    return "lost" if fact.next in (Next.GIVE_UP, Next.CLOSE) else "error"
