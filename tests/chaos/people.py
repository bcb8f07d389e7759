"""People at their documents: they come, type, save and go, until the day is over."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any

import httpx
import trio

from tests.chaos.docledger import Docledger
from tests.chaos.marks import mark, marks_of
from tests.chaos.page import Page

NAMES = ("ada", "bob", "cyd", "dan", "eve", "fay", "gus", "hal")
IN_COMPANY = 3  # every so many-th document is edited by two
STAY = (3.0, 14.0)  # seconds
AWAY = (0.5, 4.0)
LONG_AWAY = (8.0, 14.0)  # longer than the server tries to deliver what is saved last
LONG = 0.2  # of all absences
THINKING = (0.4, 4.0)  # between two lines
SAVES = 0.15  # of all that is typed
NOT_YET = 0.7  # seconds until a refused or failed opening is tried again


@dataclass(slots=True)
class Desktop:
    """What people work with, and what is remembered of their work."""

    docledger: Docledger
    socket: str
    files: Sequence[str]
    typed: dict[int, str] = field(default_factory=dict)  # a mark the server took -> its key
    keys: dict[int, str] = field(default_factory=dict)  # document -> the key it was opened under last
    tabs: dict[str, dict[str, Any]] = field(default_factory=dict)  # key -> a page's configuration
    outcomes: dict[str, int] = field(default_factory=dict)  # how visits ended -> how often
    open_now: int = 0
    open_at_once: int = 0
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def new_mark(self, document: int, person: str) -> str:
        return mark(document, person, next(self._numbers))

    async def enter(self, document: int, person: str, leaving: trio.Event) -> Page | None:
        """A page to work at; None if the person left before one was to be had."""
        while not leaving.is_set():
            try:
                config = await self.docledger.config(self.files[document], person)
            except httpx.HTTPError:
                with trio.move_on_after(NOT_YET):
                    await leaving.wait()
            else:
                self.keys[document] = str(config["document"]["key"])
                return self.page(config)
        return None

    def page(self, config: dict[str, Any]) -> Page:
        key = str(config["document"]["key"])
        self.tabs[key] = config

        def taken(line: str) -> None:
            self.typed.update(dict.fromkeys(marks_of(line), key))

        return Page(self.socket, config, taken)

    async def sit(self, page: Page, leaving: trio.Event) -> None:
        self.open_now += 1
        self.open_at_once = max(self.open_at_once, self.open_now)
        try:
            await page.stay(leaving)
        finally:
            self.open_now -= 1
        end = page.over or "left"
        self.outcomes[end] = self.outcomes.get(end, 0) + 1


@dataclass(slots=True)
class Person:
    name: str
    document: int
    chance: Random
    desktop: Desktop

    async def live(self, closing_time: trio.Event) -> None:
        while not closing_time.is_set():
            await self._visit(closing_time)
            away = LONG_AWAY if self.chance.random() < LONG else AWAY
            with trio.move_on_after(self.chance.uniform(*away)):
                await closing_time.wait()

    async def _visit(self, closing_time: trio.Event) -> None:
        async with _for(self.chance.uniform(*STAY), closing_time) as leaving, trio.open_nursery() as nursery:
            if page := await self.desktop.enter(self.document, self.name, leaving):
                nursery.start_soon(self._work, page)
                await self.desktop.sit(page, leaving)
            nursery.cancel_scope.cancel()

    async def _work(self, page: Page) -> None:
        while not page.over:
            await trio.sleep(self.chance.uniform(*THINKING))
            await page.type(self.desktop.new_mark(self.document, self.name))
            if self.chance.random() < SAVES:
                await page.save()


async def _leave(leaving: trio.Event, seconds: float, closing_time: trio.Event) -> None:
    with trio.move_on_after(seconds):
        await closing_time.wait()
    leaving.set()


def crowd(seed: int, desktop: Desktop) -> Iterator[Person]:
    """One at each document, and a second at some; each with a chance of their own."""
    for document in range(len(desktop.files)):
        for seat in range(2 if document % IN_COMPANY == 0 else 1):
            name = NAMES[(document + seat) % len(NAMES)]
            yield Person(name, document, Random(f"{seed} {name} {document}"), desktop)


async def look_in(desktop: Desktop, document: int, seconds: float) -> None:
    """Open a document and leave it again, without a word."""
    async with _for(seconds, trio.Event()) as leaving:
        if page := await desktop.enter(document, "ida", leaving):
            await desktop.sit(page, leaving)


async def come_back(desktop: Desktop, key: str, seconds: float) -> None:
    """A tab that was open all the time, on a laptop that slept, is connected again and then closed."""
    async with _for(seconds, trio.Event()) as leaving:
        await desktop.sit(desktop.page(desktop.tabs[key]), leaving)


@asynccontextmanager
async def _for(seconds: float, closing_time: trio.Event) -> AsyncIterator[trio.Event]:
    """An event for when it is time to leave."""
    leaving = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_leave, leaving, seconds, closing_time)
        yield leaving
        nursery.cancel_scope.cancel()
