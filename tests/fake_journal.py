"""A journal in memory; the contract suite holds it to the real one's behaviour."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import trio

from application.causes import abridged
from application.changes import Change, DocumentChange, FileChange, file_of, stream_of
from application.journal import DocumentRow, FileRow, JournalFailed, Query, Recorded, StaleWrite, VersionRow
from application.nodes import shard_of
from application.people import introduced, named_in
from domain import events
from domain.document import Document
from domain.events import Event
from domain.file import EVERYBODY
from domain.words import Access, Standing, Trigger


@dataclass
class FakeJournal:
    log: list[tuple[str, int, Event]] = field(default_factory=list)
    kept: list[Recorded] = field(default_factory=list)  # the log with its positions and causes
    streams: dict[str, list[Recorded]] = field(default_factory=dict)
    documents_: dict[str, tuple[Document, int]] = field(default_factory=dict)
    files_: dict[str, FileRow] = field(default_factory=dict)
    live: dict[str, str] = field(default_factory=dict)
    saved: dict[str, events.Saved | events.Forcesaved] = field(default_factory=dict)
    failing: bool = False
    hanging: float = 0.0  # seconds that everything takes
    _news: trio.Event = field(default_factory=trio.Event)

    async def append(self, *changes: Change) -> None:
        await self._reach()
        live = dict(self.live)
        for change in changes:
            if len(self._stream(stream_of(change))) != change.after:
                raise StaleWrite(stream_of(change))
            if isinstance(change, DocumentChange):
                _move(live, change)
        self.live = live
        for change in changes:
            name, after = stream_of(change), change.after
            self.log += [(name, after + i, event) for i, event in enumerate(change.events, start=1)]
            self._keep(change)
            self._project(change)
        self.stir()

    def stir(self) -> None:
        """Whoever waits for news looks whether there is any, or whether the journal fails."""
        self._news.set()
        self._news = trio.Event()

    def _keep(self, change: Change) -> None:
        cause = None
        if isinstance(change, DocumentChange) and change.cause is not None:
            cause = json.loads(json.dumps(abridged(change.cause, change.events)))
        for i, (event, file) in enumerate(zip(change.events, file_of(change), strict=True), start=1):
            place = len(self.kept) + 1, stream_of(change), change.after + i
            recorded = Recorded(*place, event, file, cause if i == 1 else None)
            self.kept.append(recorded)
            self.streams.setdefault(recorded.stream, []).append(recorded)

    def _project(self, change: Change) -> None:
        version = change.after + len(change.events)
        match change:
            case DocumentChange(key=key):
                self.documents_[key] = (change.state, version)
                for event in change.events:
                    if isinstance(event, events.Saved | events.Forcesaved):
                        self.saved[key] = event
            case FileChange(id=id_):
                known = self.files_.get(id_)
                added_at = known.added_at if known else change.events[0].at
                self.files_[id_] = FileRow(id_, version, added_at, change.state, None)

    async def document_history(self, key: str, after: int = 0) -> Sequence[Recorded]:
        await self._reach()
        return [r for r in self._stream(f"document/{key}") if r.number > after]

    async def file_history(self, file_id: str, after: int = 0) -> Sequence[Recorded]:
        await self._reach()
        return [r for r in self._stream(f"file/{file_id}") if r.number > after]

    async def document_version(self, key: str) -> int:
        await self._reach()
        return len(self._stream(f"document/{key}"))

    async def touched(self, after: int, upto: int) -> Mapping[str, int]:
        await self._reach()
        facts = [fact for fact in self.kept[after:upto] if fact.stream.startswith("document/")]
        return {fact.stream.partition("/")[2]: fact.number for fact in facts}

    async def facts(
        self, query: Query, *, before: int | None = None, after: int | None = None, limit: int = 100
    ) -> Sequence[Recorded]:
        await self._reach()
        found = [
            recorded
            for recorded in self.kept
            if _fits(recorded, query)
            and (before is None or recorded.position < before)
            and (after is None or recorded.position > after)
        ]
        return (found if after is not None else found[::-1])[:limit]

    async def position(self) -> int:
        await self._reach()
        return len(self.kept)

    async def grown(self, beyond: int) -> int:
        while (position := await self.position()) <= beyond:
            await self._news.wait()
        return position

    async def reading_version(self, reader: str) -> int:
        await self._reach()
        return len(self._stream(f"reader/{reader}"))

    async def names(self, users: Collection[str]) -> Mapping[str, str]:
        await self._reach()
        names = introduced(recorded.event for recorded in self.kept)
        return {user: name for user, name in names.items() if user in users}

    async def users_named(self, name: str) -> Sequence[str]:
        await self._reach()
        names = introduced(recorded.event for recorded in self.kept)
        return [user for user, known in names.items() if known == name]

    async def file(self, file_id: str) -> FileRow | None:
        await self._reach()
        row = self.files_.get(file_id)
        return replace(row, live=self.live.get(file_id)) if row else None

    async def files(self, user: str, *, before: str | None = None, limit: int = 100) -> Sequence[FileRow]:
        await self._reach()
        rows = [
            replace(row, live=self.live.get(id_))
            for id_, row in sorted(self.files_.items(), reverse=True)
            if (before is None or id_ < before)
            and not row.file.removed
            and (user == row.file.owner or user in row.file.shares or EVERYBODY in row.file.shares)
        ]
        return rows[:limit]

    async def files_with(self, ids: Collection[str]) -> Sequence[FileRow]:
        return [row for id_ in ids if (row := await self.file(id_))]

    async def existing(self, versions: Collection[tuple[str, int]]) -> Collection[tuple[str, int]]:
        return {(id_, number) for id_, number in versions if await self.version(id_, number)}

    async def versions(self, file_id: str) -> Sequence[VersionRow]:
        await self._reach()
        facts = [recorded.event for recorded in self._stream(f"file/{file_id}")]
        gone = {number for fact in facts if isinstance(fact, events.Thinned) for number in fact.numbers}
        added = [fact for fact in facts if isinstance(fact, events.VersionAdded)]
        return [_version(fact) for fact in added if fact.number not in gone]

    async def version(self, file_id: str, number: int) -> VersionRow | None:
        return next((row for row in await self.versions(file_id) if row.number == number), None)

    async def document(self, key: str) -> DocumentRow | None:
        await self._reach()
        return self._document(key) if key in self.documents_ else None

    async def documents(self, keys: Sequence[str]) -> Sequence[DocumentRow]:
        await self._reach()
        return [self._document(key) for key in keys if key in self.documents_]

    async def open_documents(self, file_id: str | None = None) -> Sequence[DocumentRow]:
        await self._reach()
        rows = [self._document(key) for key in self.documents_]
        wanted = (row for row in rows if row.state != "closed" and file_id in {None, row.file})
        return sorted(wanted, key=lambda row: (row.opened_at, row.key))

    async def open_page(self, user: str | None, *, after: str = "", limit: int) -> Sequence[DocumentRow]:
        rows = [row for row in await self.open_documents() if user is None or self._is_visible(row, user)]
        place = (self._document(after).opened_at, after) if after in self.documents_ else None
        return [row for row in rows if place is None or (row.opened_at, row.key) > place][:limit]

    def _is_visible(self, row: DocumentRow, user: str) -> bool:
        return row.file in self.files_ and self.files_[row.file].file.access(user) is not Access.NONE

    async def open_counts(self) -> Mapping[str, int]:
        return Counter(row.state for row in await self.open_documents())

    async def open_states(self, shards: Collection[int]) -> Mapping[str, str]:
        rows = reversed(await self.open_documents())
        wanted = sorted(rows, key=lambda row: (row.state == "open", row.trouble is None))
        return {row.key: row.state for row in wanted if shard_of(row.key) in shards}

    async def last_document(self, file_id: str) -> DocumentRow | None:
        await self._reach()
        rows = [self._document(key) for key, (state, _) in self.documents_.items() if state.file == file_id]
        return max(rows, key=lambda row: row.opened_at, default=None)

    async def autosaved_files(self, after: str, limit: int) -> Sequence[str]:
        versions = {id_: await self.versions(id_) for id_ in sorted(self.files_)}
        automatic = {Trigger.COMMAND, Trigger.TIMER}
        ids = [id_ for id_, rows in versions.items() if any(row.trigger in automatic for row in rows)]
        return [id_ for id_ in ids if id_ > after][:limit]

    async def freed(self, since: datetime, before: datetime, after: str, limit: int) -> Sequence[str]:
        await self._reach()
        added = {
            (stream_, fact.number): fact
            for stream_, _, fact in self.log
            if isinstance(fact, events.VersionAdded)
        }
        thinned: dict[str, datetime] = {}
        for stream_, _, fact in self.log:
            for number in fact.numbers if isinstance(fact, events.Thinned) else ():
                version = added[stream_, number]
                digests = (version.sha256, version.changes_sha256, version.forms_sha256)
                thinned |= {sha: fact.at for sha in digests if sha}
        freed = [sha for sha, at in sorted(thinned.items()) if sha > after and since <= at < before]
        return [sha for sha in freed if not await self.is_referenced(sha)][:limit]

    async def is_referenced(self, sha256: str) -> bool:
        rows = [row for id_ in self.files_ for row in await self.versions(id_)]
        return any(sha256 in {row.sha256, row.changes_sha256, row.forms_sha256} for row in rows)

    async def _reach(self) -> None:
        await trio.sleep(self.hanging)
        if self.failing:
            raise JournalFailed("the disk is on fire")

    def _stream(self, name: str) -> list[Recorded]:
        return self.streams.get(name, [])

    def _document(self, key: str) -> DocumentRow:
        state, version = self.documents_[key]
        saved, closed = self.saved.get(key), state.closed
        return DocumentRow(
            key=key,
            version=version,
            file=state.file,
            state=state.state,
            standing=state.standing,
            base=state.base,
            head=state.head,
            opened_at=state.opened_at,
            closed_at=closed.at if closed else None,
            closed_reason=closed.reason if closed else None,
            users={user: state.names.get(user, "") for user in sorted(state.users)},
            saved_version=saved.version if saved else None,
            saved_at=saved.at if saved else None,
            trouble=state.trouble.detail if state.trouble else None,
        )


def _fits(recorded: Recorded, query: Query) -> bool:
    fact = recorded.event
    return (
        query.file in {None, recorded.file}
        and (query.key is None or recorded.stream == f"document/{query.key}")
        and (not query.users or not named_in(fact).isdisjoint(query.users))
        and (not query.types or type(fact).__name__ in query.types)
        and (query.since is None or fact.at >= query.since)
        and (query.until is None or fact.at < query.until)
    )


def _move(live: dict[str, str], change: DocumentChange) -> None:
    for event in change.events:
        match event:
            case events.Opened() | events.Reopened(standing=Standing.LIVE):
                if change.state.file in live or change.key in live.values():
                    raise StaleWrite(f"{change.state.file} has a live key")
                live[change.state.file] = change.key
            case events.Closed():
                if live.get(change.state.file) == change.key:
                    del live[change.state.file]


def _version(fact: events.VersionAdded) -> VersionRow:
    return VersionRow(
        number=fact.number,
        sha256=fact.sha256,
        size=fact.size,
        trigger=fact.trigger,
        created=fact.at,
        head=fact.head,
        users=list(fact.users),
        key=fact.key,
        filetype=fact.filetype,
        restored=fact.restored,
        changes_sha256=fact.changes_sha256,
        forms_sha256=fact.forms_sha256,
        converted_from=fact.converted_from,
        from_file=fact.from_file,
        from_version=fact.from_version,
    )
