"""How far each receiver of webhooks has come in the log: a note beside the facts, in their database."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

from application.webhooks import Place
from infrastructure.journal.reading import snapshot

T = TypeVar("T")

ALL = "SELECT url, position, failing_since, attempts, trouble FROM receivers ORDER BY url"
PUT = """INSERT INTO receivers VALUES (?, ?, ?, ?, ?) ON CONFLICT (url) DO UPDATE SET
    position = excluded.position, failing_since = excluded.failing_since, attempts = excluded.attempts,
    trouble = excluded.trouble"""
FORGET = "DELETE FROM receivers WHERE url = ?"
LAST = "SELECT coalesce(max(position), 0) FROM stored_events"


class Notes(Protocol):
    async def note(self, work: Callable[[Any], T]) -> T:
        """In a transaction of the one writer. Raises JournalFailed."""
        ...


class LedgerPlaces:
    """Every method raises JournalFailed."""

    def __init__(self, journal: Notes) -> None:
        self._journal = journal

    async def welcome(self, urls: Collection[str]) -> None:
        await self._journal.note(partial(_welcome, urls))

    async def begin(self, urls: Collection[str]) -> Mapping[str, Place]:
        return await self._journal.note(partial(_begin, urls))

    async def put(self, url: str, place: Place) -> None:
        await self._journal.note(lambda cursor: cursor.execute(PUT, _row(url, place)))


def known(database: Path | str) -> tuple[Mapping[str, Place], int]:
    """The places as they are stored, and the end of the log; nothing is written. Raises JournalFailed."""
    with snapshot(database) as log:
        rows = log.execute(ALL).fetchall()
        return {row[0]: _place(row) for row in rows}, log.execute(LAST).fetchone()[0]


def _welcome(urls: Collection[str], cursor: Any) -> Mapping[str, Place]:
    """The places that are stored then, also of others."""
    cursor.execute(ALL)
    stored = {row[0]: _place(row) for row in cursor.fetchall()}
    cursor.execute(LAST)
    end = cursor.fetchone()[0]
    new = {url: Place(end) for url in urls if url not in stored}
    cursor.executemany(PUT, [_row(url, place) for url, place in new.items()])
    return stored | new


def _begin(urls: Collection[str], cursor: Any) -> Mapping[str, Place]:
    stored = _welcome(urls, cursor)
    cursor.executemany(FORGET, [(url,) for url in stored.keys() - set(urls)])
    return {url: stored[url] for url in urls}


def _row(url: str, place: Place) -> Sequence[Any]:
    since = place.failing_since and place.failing_since.isoformat()
    return url, place.position, since, place.attempts, place.trouble


def _place(row: Any) -> Place:
    _, position, since, attempts, trouble = row
    return Place(position, since and datetime.fromisoformat(since), attempts, trouble)
