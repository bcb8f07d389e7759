"""Journal and blobs that fail when told to, before or after the fact."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import trio

from application.journal import Change, JournalFailed, Recorded
from application.ports import StorageFailed
from domain.events import Event
from tests.fake_journal import FakeJournal
from tests.fakes import FakeBlobs
from tests.simulation.troubles import Troubles


@dataclass
class DoomedJournal(FakeJournal):
    troubles: Troubles = field(default_factory=Troubles)
    moment: Callable[[str], None] = lambda _: None
    recorded: Callable[[str, Event], None] = lambda *_: None
    streams: dict[str, list[Recorded]] = field(default_factory=dict)
    indexed: int = 0

    async def append(self, *changes: Change) -> None:
        self.moment("append")
        trouble = self.troubles.take("journal", "before", "after")
        if trouble and trouble[0] != "after":
            await trio.lowlevel.checkpoint()
            raise JournalFailed("no space left on device")
        await super().append(*changes)
        self._index()
        self.moment("appended")
        await trio.lowlevel.checkpoint()
        if trouble:
            raise JournalFailed("the connection was lost after COMMIT")

    def _index(self) -> None:
        for name, number, event in self.log[self.indexed :]:
            self.indexed += 1
            self.streams.setdefault(name, []).append(Recorded(self.indexed, number, event))
            self.recorded(name, event)

    async def _reach(self) -> None:
        await super()._reach()
        if self.troubles.take("journal", "unreadable"):
            raise JournalFailed("the disk does not answer")

    def _stream(self, name: str) -> list[Recorded]:
        return self.streams.get(name, [])


class DoomedBlobs(FakeBlobs):
    def __init__(self, troubles: Troubles) -> None:
        super().__init__()
        self._troubles = troubles

    async def work(self) -> None:
        await super().work()
        if self._troubles.take("blobs", "full"):
            raise StorageFailed("no space left on device")
