"""Journal, blobs and sidecars that fail when told to, before or after the fact."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import trio

from application.changes import Change
from application.journal import JournalFailed
from application.ports import StorageFailed, Verdict
from domain.events import Event
from infrastructure.overflow import OverflowBlobs
from tests.fake_journal import FakeJournal
from tests.fakes import FakeBlobs, FakeSidecars
from tests.simulation.here import moment, moves
from tests.simulation.troubles import Troubles

SETTLING = 307.0  # seconds between two attempts to empty the overflow; the service's 5 cost too many turns


@dataclass
class DoomedJournal(FakeJournal):
    troubles: Troubles = field(default_factory=Troubles)
    recorded: Callable[[str, Event], None] = lambda *_: None
    told: int = 0

    async def append(self, *changes: Change) -> None:
        moment("append")
        trouble = self.troubles.take("journal", "before", "after")
        if trouble and trouble[0] != "after":
            await trio.lowlevel.checkpoint()
            raise JournalFailed("no space left on device")
        await super().append(*changes)
        self._tell()
        moment("appended")
        await trio.lowlevel.checkpoint()
        await moves()
        if trouble:
            raise JournalFailed("the connection was lost after COMMIT")

    def _tell(self) -> None:
        for fact in self.kept[self.told :]:
            self.told += 1
            self.recorded(fact.stream, fact.event)

    async def _reach(self) -> None:
        await moves()
        await super()._reach()
        if self.troubles.take("journal", "unreadable"):
            raise JournalFailed("the disk does not answer")


class DoomedBlobs(FakeBlobs):
    """One of the two places, as the overflow knows them."""

    def __init__(self, place: str, troubles: Troubles) -> None:
        super().__init__()
        self._place, self._troubles = place, troubles

    async def work(self) -> None:
        await moves()
        await super().work()
        if self._troubles.take(self._place, "full"):
            raise StorageFailed("no space left on device")

    async def all(self) -> list[str]:
        await self.work()
        return list(self.stored)

    async def probe(self) -> None:
        await self.work()

    async def touched(self, sha256: str) -> int:
        await self.work()
        return 0

    @contextmanager
    def alone(self) -> Iterator[bool]:
        yield True

    async def remove(self, sha256: str, touched: int) -> None:
        await self.work()
        self.stored.pop(sha256, None)


class Blobs(OverflowBlobs):
    """What survives a life is in the two places; that the first one fails must be found out anew."""

    def __init__(self, store: DoomedBlobs, overflow: DoomedBlobs) -> None:
        super().__init__(store, overflow, SETTLING)  # type: ignore[arg-type]
        self.store, self.overflow = store, overflow

    def read(self, sha256: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        beside = sha256 not in self.store.stored and sha256 in self.overflow.stored
        return (self.overflow if beside else self.store).read(sha256, start, stop)

    def bytes(self, sha256: str) -> bytes | None:
        return self.store.stored.get(sha256, self.overflow.stored.get(sha256))


class DoomedSidecars(FakeSidecars):
    def __init__(self, troubles: Troubles) -> None:
        super().__init__()
        self._troubles = troubles

    async def _work(self) -> None:
        await moves()
        await super()._work()
        if self._troubles.take("sidecars", "full"):
            raise StorageFailed("no space left on device")


class Inspector:
    """Everything is a document that does not begin with EVIL."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    async def inspect(self, sha256: str, filetype: str) -> Verdict:
        content = b"".join([part async for part in self._blobs.read(sha256)])
        if content.startswith(b"EVIL"):
            return Verdict(False, "text/plain", "it is no document")
        return Verdict(True, "a document")
