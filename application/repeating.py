"""The decisions of a log made once more by the code of today, up to the first that comes out differently."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, NamedTuple

from application.causes import restored
from application.journal import Recorded
from domain import commands, events
from domain import document as documents
from domain import file as files
from domain.commands import Command
from domain.deciding import decide
from domain.document import Document
from domain.events import Event
from domain.file import File
from domain.saving import Commit, decide_save

SAVES = (commands.CommitOffer, commands.TakeStored)


class CannotRepeat(Exception):
    """A fact that does not follow from those before it, or says in no known way what it was decided on."""

    def __init__(self, count: int, fact: Recorded, trouble: Exception) -> None:
        why = f"{type(trouble).__name__}: {trouble}"
        super().__init__(f"event {fact.number} of {fact.stream} does not follow from what was before ({why})")
        self.count = count  # the how many-th fact it is


@dataclass(frozen=True, slots=True)
class Difference:
    """A decision that today's code makes differently."""

    fact: Recorded  # the first that would not be recorded like this, or the last before one more
    command: Command
    recorded: Sequence[Event]
    decided: Sequence[Event]
    before: Document | None
    crash: str = ""  # of today's code, which then decides nothing


@dataclass(slots=True)
class Repetition:
    decisions: int = 0  # that came out the same
    folded: Counter[str] = field(default_factory=Counter)  # facts without a cause, by their type
    difference: Difference | None = None


def repeat(facts: Iterable[Recorded]) -> Repetition:
    """All facts of the streams concerned, in the order of the log. Raises CannotRepeat."""
    result, past, count = Repetition(), _Past(), 1
    for group in _grouped(facts):
        fact = group[0]
        try:
            if fact.cause is None:
                result.folded[type(fact.event).__name__] += 1
            else:
                result.difference = past.decided_otherwise(group)
                result.decisions += not result.difference
            if result.difference:
                break
            for fact in group:
                past.fold(fact)
                count += 1
        except (KeyError, TypeError, ValueError, AttributeError) as trouble:
            raise CannotRepeat(count, fact, trouble) from trouble
    return result


def _grouped(facts: Iterable[Recorded]) -> Iterator[list[Recorded]]:
    """What was decided at once; a fact without a cause stands alone."""
    group: list[Recorded] = []
    for fact in facts:
        if group and not _goes_on(group, fact):
            yield group
            group = []
        group.append(fact)
    if group:
        yield group


def _goes_on(group: Sequence[Recorded], fact: Recorded) -> bool:
    if group[0].cause is None or fact.cause is not None or isinstance(fact.event, events.Redacted):
        return False
    if isinstance(fact.event, events.VersionAdded):
        return f"document/{fact.event.key}" == group[0].stream
    return fact.stream == group[0].stream == group[-1].stream


class Shelf(NamedTuple):
    """A file as a decision sees it, from some position in the log on."""

    since: int
    file: File
    thinned: Set[int]  # numbers of versions that are gone


class _Past:
    def __init__(self) -> None:
        self._documents: dict[str, Document] = {}
        self._last: dict[str, int] = {}  # key -> the position of its last fact
        self._shelves: dict[str, list[Shelf]] = {}

    def fold(self, fact: Recorded) -> None:
        kind, _, id_ = fact.stream.partition("/")
        event: Any = fact.event  # of its own stream
        if kind == "document":
            self._documents[id_] = documents.evolve(self._documents.get(id_), event)
            self._last[id_] = fact.position
        elif kind == "file":
            shelves = self._shelves.setdefault(id_, [])
            shelves.append(_changed(shelves[-1] if shelves else None, event, fact.position))

    def decided_otherwise(self, group: Sequence[Recorded]) -> Difference | None:
        stream, cause = group[0].stream, group[0].cause
        assert cause is not None
        own: Any = tuple(fact.event for fact in group if fact.stream == stream)
        recorded = Commit(own, tuple(fact.event for fact in group[len(own) :]))  # type: ignore[misc]
        command, key = restored(cause, own), stream.removeprefix("document/")
        before = self._documents.get(key)
        shelves = self._seen(key, before, alone=not recorded.file) if isinstance(command, SAVES) else [None]
        try:
            decisions = [_decided(key, before, command, shelf) for shelf in shelves]
        except Exception as crash:  # whatever today's code may do: to find that out is what this is for
            why = f"{type(crash).__name__}: {crash}"
            return Difference(group[0], command, _all(recorded), (), before, why)
        if recorded in decisions:
            return None
        said, would_say = _all(recorded), _all(decisions[0])
        fact = group[min(_alike(said, would_say), len(group) - 1)]
        return Difference(fact, command, said, would_say, before)

    def _seen(self, key: str, document: Document | None, *, alone: bool) -> Sequence[Shelf | None]:
        """The file as it may have been when a save was decided, the likeliest first.

        Facts for the file itself are refused when others were quicker; a save whose bytes were a version
        already has none, and may have been decided on what the file was a moment before.
        """
        if document is None:
            return [None]
        past, last = self._shelves[document.file], self._last[key]
        later = sum(1 for _ in takewhile(lambda shelf: shelf.since > last, reversed(past))) if alone else 0
        return past[: -later - 2 : -1]


def _changed(before: Shelf | None, event: Any, position: int) -> Shelf:
    gone = frozenset(event.numbers if isinstance(event, events.Thinned) else ())
    if before is None:
        return Shelf(position, files.evolve(None, event), gone)
    return Shelf(
        position, files.evolve(before.file, event), before.thinned | gone if gone else before.thinned
    )


def _decided(key: str, document: Document | None, command: Command, shelf: Shelf | None) -> Commit:
    if not isinstance(command, SAVES):
        return Commit(tuple(decide(document, command)))
    if document is None or shelf is None:
        return Commit()
    return decide_save(key, document, shelf.file, command, shelf.thinned)


def _alike(one: Sequence[Event], other: Sequence[Event]) -> int:
    """How many facts both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _all(commit: Commit) -> Sequence[Event]:
    return (*commit.document, *commit.file)
