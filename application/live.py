"""The log as it grows, for many readers: each fact is read from the journal and told once for them all.

A reader is a place in the log and no queue. It takes from the last facts in memory, or from the journal
when it is further behind, so that a slow one costs nothing and misses nothing.
"""

from __future__ import annotations

import logging
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from operator import attrgetter

import trio

from application.journal import FileRow, Journal, JournalFailed, Query, Recorded
from application.leafing import leaf
from application.people import named_in
from application.readers import News, Reader, Rows, discreet, parting_of

logger = logging.getLogger(__name__)

KEPT = 1000  # facts in memory
PAGE = 100  # facts at a time
PAUSE = 0.02  # seconds in which a burst gathers, so that its readers are woken once
LINGER = 30.0  # seconds in which the log is still watched when the last reader has gone
AGAIN = 1.0  # seconds until the journal is asked again after it failed

Tell = Callable[[Recorded, Mapping[str, str]], bytes]  # a fact, with the names of whom it speaks of


class Feed:
    """Positions must become visible in their order, as they do where one writer commits at a time."""

    def __init__(self, journal: Journal, tell: Tell, *, kept: int = KEPT, page: int = PAGE) -> None:
        self._journal, self._tell = journal, tell
        self._kept, self._page_size = kept, page
        self._readers: set[Reader] = set()
        self._waiting: set[Reader] = set()  # who has taken all there is
        self._catching_up = trio.CapacityLimiter(1)  # whoever is behind may not crowd out the rest
        self._position: int | None = None  # everything up to here is known; None before the first look
        self._floor = 0  # of what is known, everything beyond this is in `_recent`
        self._recent: list[News] = []
        self._rows: dict[str, FileRow | None] = {}  # of the files in `_recent`, as new as `_position`
        self._wanted, self._begun = trio.Event(), trio.Event()

    @contextmanager
    def reading(self, reader: Reader) -> Iterator[None]:
        self._readers.add(reader)
        self._wanted.set()
        try:
            yield
        finally:
            self._readers.discard(reader)

    async def take(self, reader: Reader) -> Sequence[bytes]:
        """What is new to the reader, at most a page, as soon as there is any.

        Waits under the caller's deadline, also for a journal that fails, and may be cancelled at any time.
        """
        while True:
            try:
                if told := await self._some(reader):
                    return told
            except JournalFailed as trouble:
                logger.debug("a reader at %d waits: %s", reader.position, trouble)
                await trio.sleep(AGAIN)

    async def run(self) -> None:
        """Follow the log while anybody reads. Whatever goes wrong here must not cost anybody a save."""
        failing = False
        while True:
            try:
                await self._follow()
                failing = False
            except JournalFailed as trouble:
                if not failing:
                    logger.warning("the log cannot be followed: %s", trouble)
                failing = True
                await trio.sleep(AGAIN)
            except Exception:
                logger.exception("following the log failed; it goes on from position %s", self._position)
                await trio.sleep(AGAIN)

    # -- following ------------------------------------------------------------------------------------

    async def _follow(self) -> None:
        if not self._readers:
            self._forget()
            await self._wanted.wait()
        if self._position is None:
            self._floor = self._position = await self._journal.position()
            self._begun.set()
        grown = None
        with trio.move_on_after(LINGER):
            grown = await self._journal.grown(self._position)
        if grown is not None:
            await self._read_on(self._position, grown)
            await trio.sleep(PAUSE)

    def _forget(self) -> None:
        self._position, self._recent, self._rows = None, [], {}
        self._wanted, self._begun = trio.Event(), trio.Event()

    async def _read_on(self, position: int, upto: int) -> None:
        while position < upto:
            facts, position = await leaf(self._journal, Query(), position, upto, self._page_size)
            changed = {fact.file for fact in facts if fact.file and fact.stream.startswith("file/")}
            rows = await self._files({fact.file for fact in facts} - self._rows.keys() | changed)
            self._publish(await self._news(facts), rows, position)

    def _publish(self, news: Sequence[News], rows: Rows, position: int) -> None:
        self._rows |= rows
        self._recent += news
        self._position = position
        for reader in list(self._waiting):
            if reader.told(news, self._rows):
                self._waiting.discard(reader)
                reader.woken.set()
            else:
                reader.position = max(reader.position, position)
        self._drop()

    def _drop(self) -> None:
        """What is too old to be kept in memory."""
        if spare := self._recent[: -self._kept]:
            self._floor = spare[-1].position
            del self._recent[: -self._kept]
        if len(self._rows) > self._kept:
            files = {item.file for item in self._recent}
            self._rows = {file: row for file, row in self._rows.items() if file in files}

    # -- taking ---------------------------------------------------------------------------------------

    async def _some(self, reader: Reader) -> Sequence[bytes]:
        await self._begun.wait()
        assert self._position is not None, "there is a reader"
        if reader.position < self._floor:
            return await self._from_journal(reader, self._position)
        if reader.position < self._position:
            return self._from_recent(reader, self._position)
        await self._something_for(reader)
        return ()  # it may have fallen behind meanwhile

    async def _something_for(self, reader: Reader) -> None:
        reader.woken = trio.Event()
        self._waiting.add(reader)
        try:
            await reader.woken.wait()
        finally:
            self._waiting.discard(reader)

    def _from_recent(self, reader: Reader, position: int) -> Sequence[bytes]:
        start = bisect_right(self._recent, reader.position, key=attrgetter("position"))
        page = self._recent[start : start + self._page_size]
        reader.position = page[-1].position if len(page) == self._page_size else position
        return reader.told(page, self._rows)

    async def _from_journal(self, reader: Reader, upto: int) -> Sequence[bytes]:
        """Not beyond what the feed knows, lest somebody hears what is no longer for them."""
        async with self._catching_up:
            facts, position = await leaf(self._journal, reader.query, reader.position, upto, self._page_size)
        rows = await self._files({fact.file for fact in facts})
        news = await self._news([fact for fact in facts if reader.sees(fact, rows)])
        reader.position = position
        return reader.told(news, rows)

    # -- reading --------------------------------------------------------------------------------------

    async def _files(self, ids: Iterable[str | None]) -> dict[str, FileRow | None]:
        return {id_: await self._journal.file(id_) for id_ in ids if id_ is not None}

    async def _news(self, facts: Sequence[Recorded]) -> Sequence[News]:
        users = {user for fact in facts for user in named_in(fact.event)}
        names = await self._journal.names(users) if users else {}
        return [self._told(fact, names) for fact in facts]

    def _told(self, fact: Recorded, names: Mapping[str, str]) -> News:
        frank = self._tell(fact, names)
        less = discreet(fact)
        told = frank if less is fact else self._tell(less, names)
        return News(fact.position, parting_of(fact.event), fact.stream, fact.file, frank, told)
