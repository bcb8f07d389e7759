"""Reading the log: who may see what of it, in plain words, and never without leaving a trace."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple, get_args
from urllib.parse import urlencode
from weakref import WeakValueDictionary

import trio

from application.changes import ReadingChange
from application.files import Forbidden, NotFound
from application.journal import FileRow, Journal, JournalFailed, Query, Recorded
from application.people import Person, named_in
from application.racing import until_recorded
from application.readers import Sight, discreet, sight
from application.replaying import version_in
from application.telling import told
from domain import events
from domain.events import Event
from domain.keys import user_id

TYPES: Mapping[str, type[Event]] = {kind.__name__: kind for kind in get_args(Event)}
ALL, FILE, SESSION = "the whole log", "the file’s history", "the session’s history"  # as the log tells it
CHUNK = 250  # facts of an export at a time
PATIENCE = 10.0  # seconds, for a reading to be recorded
REMEMBERED = 10_000  # readings
SAME = timedelta(minutes=10)  # a page that refreshes itself is one reading


class Reader(NamedTuple):
    person: Person
    address: str


@dataclass(frozen=True, slots=True)
class View:
    """A part of the log that a reader may see: of one session, of one file, or all there is."""

    reader: Reader
    what: str
    file: FileRow | None = None
    key: str | None = None
    frank: bool = False  # tells where people were, and who has read the log


@dataclass(frozen=True, slots=True)
class Entry:
    recorded: Recorded  # as the reader may know it
    text: str
    users: Mapping[str, str]  # whom it names: id -> name, empty when nobody has told us
    file: FileRow | None  # as it is now
    version: int | None  # that it speaks of, while that can still be had

    @property
    def key(self) -> str | None:
        """Of the session that it is about."""
        kind, _, key = self.recorded.stream.partition("/")
        return key if kind == "document" else getattr(self.recorded.event, "key", None)


@dataclass(frozen=True, slots=True)
class Page:
    entries: Sequence[Entry]
    next: int | None  # the position to go on from; None at the end


Question = tuple[Reader, str, str | None, str | None, str]  # by whom, of what, and how it is narrowed


class Audit:
    def __init__(self, journal: Journal, now: Callable[[], datetime]) -> None:
        self._journal, self._now = journal, now
        self._asked: dict[Question, datetime] = {}  # lately, the latest last
        self._turns: WeakValueDictionary[str, trio.Lock] = WeakValueDictionary()

    async def everything(self, reader: Reader) -> View:
        """Raises Forbidden."""
        if not reader.person.audits:
            raise Forbidden("Only an auditor may read the whole log.")
        return View(reader, ALL, frank=True)

    async def file(self, file_id: str, reader: Reader) -> View:
        """Raises NotFound, Forbidden."""
        row = await self._journal.file(file_id)
        seen = sight(reader.person, row)
        if row is None or (row.file.removed and seen is Sight.NONE):
            raise NotFound(f"There is no file {file_id}.")
        if seen is Sight.NONE:
            raise Forbidden("The file is not shared with you.")
        return View(reader, FILE, row, frank=seen is Sight.FRANK)

    async def document(self, key: str, reader: Reader) -> View:
        """Raises NotFound, Forbidden."""
        row = await self._journal.document(key)
        if row is None:
            raise NotFound("There is no such document.")
        of_file = await self.file(row.file, reader)
        return replace(of_file, what=SESSION, key=key)

    async def known_as(self, user: str) -> Sequence[str]:
        """The ids that one of our ids, a `sub` or a name may mean: at least one, if only of nobody."""
        maybe = [user, user_id(user)]
        known = {*await self._journal.names(maybe), *await self._journal.users_named(user)}
        return sorted(known) or maybe

    async def page(
        self,
        view: View,
        query: Query,
        *,
        before: int | None = None,
        after: int | None = None,
        limit: int = 100,
        beside: bool = False,
    ) -> Page:
        """With `after`, what follows that position, the oldest first; else what precedes `before`, the
        newest first. What is shown `beside` a reading on record is not recorded again. Raises JournalFailed.
        """
        if not beside:
            await self.consult(view, query)
        facts = await self._journal.facts(_within(view, query), before=before, after=after, limit=limit + 1)
        entries = await self._entries(view, facts[:limit])
        return Page(entries, facts[limit - 1].position if len(facts) > limit else None)

    async def export(self, view: View, query: Query, form: str) -> AsyncGenerator[Sequence[Entry], None]:
        """All there is now, the oldest first, in chunks. Raises JournalFailed."""
        await self.consult(view, query, f"{view.what}, as {form}", again=True)
        return self._chunks(view, _within(view, query), await self._journal.position() + 1)

    async def _chunks(self, view: View, query: Query, end: int) -> AsyncGenerator[Sequence[Entry], None]:
        after = 0
        while facts := await self._journal.facts(query, after=after, before=end, limit=CHUNK):
            yield await self._entries(view, facts)
            after = facts[-1].position

    async def consult(
        self, view: View, query: Query, what: str | None = None, *, again: bool = False
    ) -> None:
        """Put on record what is about to be read. The same question is one reading for a while, unless it
        is put `again`. Raises JournalFailed.
        """
        file = view.file.id if view.file else query.file
        question = view.reader, what or view.what, file, view.key or query.key, _spelled(query)
        turn = self._turns.setdefault(view.reader.person.id, trio.Lock())
        with trio.move_on_after(PATIENCE):
            async with turn:  # one of a reader's after another, as they go into one stream
                if again or not self._was_asked(question):
                    await self._record(question)
            return
        raise JournalFailed("nobody may read the log while that cannot be recorded")

    async def _record(self, question: Question) -> None:
        (person, address), what, file, key, filters = question
        fact = events.Consulted(
            at=self._now(),
            user=person.id,
            name=person.name,
            address=address,
            what=what,
            file=file,
            key=key,
            filters=filters,
        )
        await until_recorded(partial(self._append, fact))
        self._asked.pop(question, None)
        self._asked[question] = fact.at
        if len(self._asked) > REMEMBERED:
            del self._asked[next(iter(self._asked))]

    async def _append(self, fact: events.Consulted) -> None:
        """Only another process can overtake it."""
        after = await self._journal.reading_version(fact.user)
        await self._journal.append(ReadingChange(fact.user, after, [fact]))

    def _was_asked(self, question: Question) -> bool:
        then = self._asked.get(question)
        return then is not None and abs(self._now() - then) < SAME

    async def _entries(self, view: View, facts: Sequence[Recorded]) -> Sequence[Entry]:
        names = await self._journal.names({user for fact in facts for user in named_in(fact.event)})
        files = await self._files(view, facts)
        versions = [_version(fact) for fact in facts]
        there = await self._journal.existing({version for version in versions if version})
        return [
            Entry(
                recorded=recorded,
                text=told(recorded.event, names),
                users={user: names.get(user, "") for user in sorted(named_in(recorded.event))},
                file=files.get(recorded.file or ""),
                version=version[1] if version and version in there else None,
            )
            for recorded, version in zip(facts if view.frank else map(discreet, facts), versions, strict=True)
        ]

    async def _files(self, view: View, facts: Iterable[Recorded]) -> Mapping[str, FileRow]:
        if view.file:
            return {view.file.id: view.file}
        ids = {fact.file for fact in facts if fact.file}
        return {row.id: row for row in await self._journal.files_with(ids)}


def _version(recorded: Recorded) -> tuple[str, int] | None:
    number = version_in(recorded.event)
    return (recorded.file, number) if recorded.file and number is not None else None


def _within(view: View, query: Query) -> Query:
    """What of a view is asked for."""
    if view.key:
        return replace(query, key=view.key)
    types = query.types
    if not view.frank:
        types = [kind for kind in types or TYPES if kind != events.Consulted.__name__] or ["none"]
    return replace(query, file=view.file.id if view.file else query.file, types=types)


def _spelled(query: Query) -> str:
    """As in a url's query; people are told by their ids, so that names stay where they can be erased."""
    lists = {"user": query.users, "type": sorted(query.types)}
    moments = {"from": query.since, "to": query.until}
    given = {name: ",".join(values) for name, values in lists.items() if values}
    given |= {name: moment.isoformat() for name, moment in moments.items() if moment}
    return urlencode(given, safe=",:")
