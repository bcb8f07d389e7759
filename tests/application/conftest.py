"""A whole world in memory, on Trio's mock clock: a day passes in milliseconds."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from application.callbacks import Callbacks
from application.desk import Desk
from application.files import Files, Shelf
from application.journal import FileRow
from application.nodes import SOLE, Nodes
from application.opening import Door
from application.people import Person
from application.ports import Answer, Blob, ConversionFailed, DownloadFailed, Verdict
from application.spool import Spool
from application.world import Patience, World
from domain.file import EVERYBODY
from domain.words import Access
from tests.fake_journal import FakeJournal
from tests.fakes import FakeBlobs, FakeSidecars
from tests.story import NOON

ADA, BOB = Person("ada", "Ada"), Person("bob", "Bob")


@dataclass
class FakeServer:
    """Answers commands as told, and serves what is put under a url; a callable is asked each time."""

    blobs: FakeBlobs
    answers: dict[str, Any] = field(default_factory=lambda: {"forcesave": 4, "info": 1})
    results: dict[str, Any] = field(default_factory=dict)
    commands: list[tuple[str, str | None, float]] = field(default_factory=list)
    fetches: list[tuple[str, float]] = field(default_factory=list)
    converted: dict[str, Any] = field(default_factory=dict)
    conversions: list[tuple[str, str, str, str]] = field(default_factory=list)

    async def command(self, name: str, key: str | None = None, **parameters: Any) -> Answer:
        self.commands.append((name, key, trio.current_time()))
        await trio.lowlevel.checkpoint()
        answer = self.answers.get(name, 0)
        if callable(answer):
            answer = await answer(key)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Answer) else Answer(answer, {"error": answer})

    async def fetch(self, url: str) -> Blob:
        self.fetches.append((url, trio.current_time()))
        await trio.lowlevel.checkpoint()
        result = self.results.get(url, DownloadFailed("nothing there"))
        if callable(result):
            result = await result()
        if isinstance(result, Exception):
            raise result
        return await self.blobs.keep(_chunks(result), limit=10**6)

    async def convert(self, url: str, *, filetype: str, outputtype: str, key: str, title: str = "") -> str:
        """The result's url as it is put down under `filetype>outputtype`."""
        self.conversions.append((url, filetype, outputtype, key))
        await trio.lowlevel.checkpoint()
        result = self.converted.get(f"{filetype}>{outputtype}", ConversionFailed(-3))
        if isinstance(result, Exception):
            raise result
        return str(result)

    def asked(self, name: str) -> list[float]:
        return [when for command, _, when in self.commands if command == name]


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    yield content


class FakeInspector:
    """Everything is a document that does not begin with EVIL."""

    def __init__(self, blobs: FakeBlobs) -> None:
        self._blobs = blobs

    async def inspect(self, sha256: str, filetype: str) -> Verdict:
        await trio.lowlevel.checkpoint()
        if self._blobs.stored[sha256].startswith(b"EVIL"):
            return Verdict(False, "text/plain", "it is no document")
        return Verdict(True, "a document")


@dataclass
class Stage:
    journal: FakeJournal
    blobs: FakeBlobs
    server: FakeServer
    sidecars: FakeSidecars
    world: World
    files: Files
    desk: Desk
    door: Door
    callbacks: Callbacks

    async def file(self, name: str = "plan.docx", content: bytes = b"original") -> FileRow:
        blob = await self.files.store(_chunks(content))
        row = await self.files.add(name, blob, ADA)
        return await self.files.share(row.id, EVERYBODY, "everybody", Access.EDIT, ADA)

    def types(self, key: str) -> list[str]:
        return [type(event).__name__ for stream, _, event in self.journal.log if stream == f"document/{key}"]


def now() -> datetime:
    return NOON + timedelta(seconds=trio.current_time())


@asynccontextmanager
async def life(
    journal: FakeJournal,
    blobs: FakeBlobs,
    server: FakeServer,
    sidecars: FakeSidecars,
    *,
    keep_failed: bool = False,
    nodes: Nodes = SOLE,
) -> AsyncIterator[Stage]:
    """One life of the service; a second one over the same journal is a restart, or another node."""
    async with trio.open_nursery() as nursery:
        world = World(journal, blobs, FakeInspector(blobs), server, sidecars, now, Patience(), nodes=nodes)
        count = iter(range(10**6))
        files = Files(Shelf(journal, blobs, now, lambda: f"f{next(count)}", 10**6))
        desk = Desk(nursery, world)
        spool = Spool(nursery, desk, world)
        nursery.start_soon(spool.run)
        callbacks = Callbacks(nursery, desk, world, spool, keep_failed=keep_failed)
        yield Stage(journal, blobs, server, sidecars, world, files, desk, Door(desk, world, files), callbacks)
        nursery.cancel_scope.cancel()


@pytest.fixture
def blobs() -> FakeBlobs:
    return FakeBlobs()


@pytest.fixture
def server(blobs: FakeBlobs) -> FakeServer:
    return FakeServer(blobs)


@pytest.fixture
def journal() -> FakeJournal:
    return FakeJournal()


@pytest.fixture
def sidecars() -> FakeSidecars:
    return FakeSidecars()


@pytest.fixture
async def stage(
    journal: FakeJournal,
    blobs: FakeBlobs,
    server: FakeServer,
    sidecars: FakeSidecars,
    autojump_clock: MockClock,
) -> AsyncIterator[Stage]:
    with trio.fail_after(10 * 24 * 3600):
        async with life(journal, blobs, server, sidecars) as stage:
            yield stage


def callback(key: str, status: int, **fields: Any) -> dict[str, Any]:
    return {"key": key, "status": status, **fields}


def saving(key: str, url: str, status: int = 6, **fields: Any) -> dict[str, Any]:
    """A status 2 or 6 as the server sends it, of now."""
    lastsave = now().isoformat(timespec="seconds").replace("+00:00", ".000Z")
    extra: dict[str, Any] = {"forcesavetype": 0} if status == 6 else {"notmodified": False}
    usual = {"url": url, "users": ["ada"], "lastsave": lastsave, "filetype": "docx", **extra}
    return callback(key, status, **{**usual, **fields})


def slowly(content: bytes, seconds: float) -> Callable[[], Awaitable[bytes]]:
    """A result of the server's that takes its time."""

    async def result() -> bytes:
        await trio.sleep(seconds)
        return content

    return result
