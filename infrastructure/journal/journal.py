"""The journal under Trio: reads in a few threads, writes through the one writer."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeVar

import trio

from application.changes import Change
from application.journal import DocumentRow, FileRow, JournalFailed, Query, Recorded, VersionRow
from infrastructure.journal import checkpoints
from infrastructure.journal.checkpoints import Sign, Signed
from infrastructure.journal.committing import STORE, Watch, Writer, unwatched
from infrastructure.journal.databases import ledger_at
from infrastructure.journal.finding import Search
from infrastructure.journal.ledger import Ledger
from infrastructure.journal.postgres.listening import listen
from infrastructure.journal.queries import EXISTING, HISTORY, LAST, STREAM_LENGTH, TOUCHED, marks, recorded
from infrastructure.journal.shown import to_document, to_file, to_version
from infrastructure.journal.sqlite.rows import Rows
from infrastructure.journal.views import (
    AUTOSAVED_FILES,
    FILE,
    FILES_OF,
    FREED,
    OPEN_PAGE,
    REFERENCED,
    SEEN_BY,
)
from infrastructure.store_urls import without_password

logger = logging.getLogger(__name__)

T = TypeVar("T")

first: Callable[[Any], Any] = itemgetter(0)

FOREIGN = 1.0  # seconds between two looks for what another process has recorded
READERS = (
    4  # far below the library's pool for SQLite, of 15: at its end a timed-out reader blocks every writer
)


class LedgerJournal:
    def __init__(self, ledger: Ledger, rows: Rows | None, watch: Watch = unwatched) -> None:
        self._ledger = ledger
        self._rows = rows
        self._writer = Writer(ledger, watch)
        self.vouched_at = trio.current_time()  # when all of it was covered by a checkpoint
        self._readers = trio.CapacityLimiter(READERS)

    @classmethod
    @asynccontextmanager
    async def open(cls, place: Path | str, watch: Watch = unwatched) -> AsyncIterator[LedgerJournal]:
        """`place` is the file of a database in SQLite, or the url of one in PostgreSQL."""
        try:
            ledger = await trio.to_thread.run_sync(ledger_at, place)
            rows = await trio.to_thread.run_sync(Rows, place) if isinstance(place, Path) else None
        except (*STORE, OSError) as trouble:
            shown = without_password(str(place))
            raise JournalFailed(f"cannot open the database {shown}: {trouble}") from trouble
        try:
            async with trio.open_nursery() as nursery:
                journal = cls(ledger, rows, watch)
                nursery.start_soon(journal._writer.run)
                if isinstance(place, str):
                    nursery.start_soon(listen, place, journal._writer.tell)
                try:
                    yield journal
                finally:
                    journal._writer.close()
                    nursery.cancel_scope.cancel()  # the writer is shielded until all it accepted is committed
        finally:
            if rows:
                rows.close()
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(ledger.close)

    @property
    def failed_at(self) -> float | None:
        """When the last commit was tried, if it failed."""
        return self._writer.failed_at

    async def append(self, *changes: Change) -> None:
        await self._writer.append(changes)

    async def document_history(self, key: str, after: int = 0) -> Sequence[Recorded]:
        return await self._history(f"document/{key}", after)

    async def file_history(self, file_id: str, after: int = 0) -> Sequence[Recorded]:
        return await self._history(f"file/{file_id}", after)

    async def document_version(self, key: str) -> int:
        return await self._row(STREAM_LENGTH, (f"document/{key}",), first) or 0

    async def touched(self, after: int, upto: int) -> Mapping[str, int]:
        rows = await self._query(TOUCHED, (after, upto), tuple)
        return {stream.partition("/")[2]: number for stream, number in rows}

    async def file(self, file_id: str) -> FileRow | None:
        return await self._row(f"{FILE} WHERE id = ?", (file_id,), to_file)

    async def files(self, user: str, *, before: str | None = None, limit: int = 100) -> Sequence[FileRow]:
        page = before or "~", limit
        return await self._query(FILES_OF, (user, *page, "*", *page, limit), to_file)

    async def files_with(self, ids: Collection[str]) -> Sequence[FileRow]:
        return await self._query(f"{FILE} WHERE id IN ({marks(ids)})", list(ids), to_file)

    async def existing(self, versions: Collection[tuple[str, int]]) -> Collection[tuple[str, int]]:
        if not versions:
            return ()
        pairs = ",".join(["(?,?)"] * len(versions))
        return await self._query(EXISTING.format(pairs), [part for pair in versions for part in pair], tuple)

    async def versions(self, file_id: str) -> Sequence[VersionRow]:
        sql = "SELECT * FROM versions WHERE file_id = ? ORDER BY number"
        return await self._query(sql, (file_id,), to_version)

    async def version(self, file_id: str, number: int) -> VersionRow | None:
        sql = "SELECT * FROM versions WHERE file_id = ? AND number = ?"
        return await self._row(sql, (file_id, number), to_version)

    async def document(self, key: str) -> DocumentRow | None:
        return await self._row("SELECT * FROM documents WHERE key = ?", (key,), to_document)

    async def documents(self, keys: Sequence[str]) -> Sequence[DocumentRow]:
        sql = f"SELECT * FROM documents WHERE key IN ({marks(keys)})"  # noqa: S608 (marks are ?,?,?)
        return await self._query(sql, keys, to_document)

    async def open_documents(self, file_id: str | None = None) -> Sequence[DocumentRow]:
        sql = "SELECT * FROM documents WHERE state <> 'closed'{} ORDER BY opened_at, key"
        if file_id is None:
            return await self._query(sql.format(""), (), to_document)
        return await self._query(sql.format(" AND file_id = ?"), (file_id,), to_document)

    async def open_states(self, shards: Collection[int]) -> Mapping[str, str]:
        return dict(await self._in_thread(partial(self._ledger.views.open_states, shards), self._readers))

    async def open_page(self, user: str | None, *, after: str = "", limit: int) -> Sequence[DocumentRow]:
        if user is None:
            return await self._query(OPEN_PAGE.format(""), (after, after, limit), to_document)
        return await self._query(OPEN_PAGE.format(SEEN_BY), (after, after, user, limit), to_document)

    async def open_counts(self) -> Mapping[str, int]:
        sql = "SELECT state, count(*) FROM documents WHERE state <> 'closed' GROUP BY state"
        return dict(await self._query(sql, (), tuple))

    async def last_document(self, file_id: str) -> DocumentRow | None:
        sql = "SELECT * FROM documents WHERE file_id = ? ORDER BY opened_at DESC LIMIT 1"
        return await self._row(sql, (file_id,), to_document)

    async def autosaved_files(self, after: str, limit: int) -> Sequence[str]:
        return await self._query(AUTOSAVED_FILES, (after, limit), first)

    async def freed(self, since: datetime, before: datetime, after: str, limit: int) -> Sequence[str]:
        return await self._query(FREED, (after, since.isoformat(), before.isoformat(), limit), first)

    async def is_referenced(self, sha256: str) -> bool:
        return await self._row(REFERENCED, (sha256, sha256, sha256), first) is not None

    async def facts(
        self, query: Query, *, before: int | None = None, after: int | None = None, limit: int = 100
    ) -> Sequence[Recorded]:
        search = partial(self._ledger.views.search, Search(query, before, after, limit))
        return await self._in_thread(search, self._readers)

    async def position(self) -> int:
        return await self._row(LAST, (), first) or 0

    async def grown(self, beyond: int) -> int:
        while True:
            news = self._writer.news
            position = await self.position()
            if position > beyond:
                return position
            with trio.move_on_after(FOREIGN):  # another process says nothing
                await news.wait()

    async def reading_version(self, reader: str) -> int:
        return await self._row(STREAM_LENGTH, (f"reader/{reader}",), first) or 0

    async def names(self, users: Collection[str]) -> Mapping[str, str]:
        sql = f"SELECT id, name FROM people WHERE name <> '' AND id IN ({marks(users)})"  # noqa: S608
        return dict(await self._query(sql, list(users), tuple))

    async def users_named(self, name: str) -> Sequence[str]:
        return await self._query("SELECT id FROM people WHERE name = ?", (name,), first)

    async def checkpoint(self, sign: Sign, at: datetime) -> Signed | None:
        """Vouch for what was recorded since the last one; only the keeping of it holds writers up."""
        signed = await self._in_thread(
            partial(checkpoints.signed, self._ledger.views, sign, at), self._readers
        )
        if signed is not None:
            await self._in_thread(partial(checkpoints.keep, self._ledger.views, signed), self._writer.limiter)
        if signed is None or not signed.full:
            self.vouched_at = trio.current_time()
        return signed

    async def note(self, work: Callable[[Any], T]) -> T:
        """What is no fact, in a transaction of the one writer, whose cursor `work` is given."""
        return await self._in_thread(partial(self._ledger.views.note, work), self._writer.limiter)

    async def noted(self, sql: str, parameters: Sequence[Any], read: Callable[[Any], T]) -> list[T]:
        """What was noted beside the facts."""
        return await self._query(sql, parameters, read)

    async def _history(self, stream: str, after: int) -> Sequence[Recorded]:
        return await self._query(HISTORY, (stream, after), recorded)

    async def _row(self, sql: str, parameters: Sequence[Any], read: Callable[[Any], T]) -> T | None:
        if self._rows:
            try:
                return self._rows.one(sql, parameters, read)
            except sqlite3.Error as trouble:  # it would have to wait, or worse: for a thread to find out
                logger.debug("a row is read in a thread: %s", trouble)
        rows = await self._query(sql, parameters, read)
        return rows[0] if rows else None

    async def _query(self, sql: str, parameters: Sequence[Any], read: Callable[[Any], T]) -> list[T]:
        query: Callable[[], list[T]] = lambda: self._ledger.views.query(sql, parameters, read)  # noqa: E731
        return await self._in_thread(query, self._readers)

    async def _in_thread(self, work: Callable[[], T], limiter: trio.CapacityLimiter) -> T:
        try:
            return await trio.to_thread.run_sync(work, limiter=limiter)
        except STORE as trouble:
            raise JournalFailed(f"the event store does not answer: {trouble}") from trouble
