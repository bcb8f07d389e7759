"""Lives of a node of Docledger: the real application, in memory, killed, paused and started again."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any, TypeVar

import trio
from prometheus_client import CollectorRegistry

from application.callbacks import Callbacks, Fate
from application.claims import BadCallback
from application.desk import Desk
from application.draining import drain
from application.files import Files, Shelf
from application.following import Follower
from application.forgotten import Recovery
from application.nodes import SOLE
from application.opening import Door
from application.ports import DocumentServer
from application.replacing import Replacing
from application.spool import Spool
from application.world import Patience, World
from infrastructure.metrics.saves import Saves
from tests.fakes import FakeNodes
from tests.simulation.cluster import SPOILT, Cluster
from tests.simulation.here import HERE
from tests.simulation.machine import Machine
from tests.simulation.storage import Blobs, DoomedBlobs, DoomedJournal, DoomedSidecars, Inspector
from tests.simulation.witness import Asking
from web import bootstrap
from web.callbacks import DURABLE

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
GRACE = 10.0  # seconds for a gentle stop
LIMIT = 10**6  # bytes

T = TypeVar("T")

logger = logging.getLogger("simulation")


def now() -> datetime:
    return NOON + timedelta(seconds=trio.current_time())


class Node:
    """What a life leaves behind is on its own disk, or everybody's."""

    server: DocumentServer
    files: Files
    replacing: Replacing
    desk: Desk
    door: Door
    callbacks: Callbacks
    blobs: Blobs
    world: World

    def __init__(
        self, number: int, asking: Asking, journal: DoomedJournal, store: DoomedBlobs, *, durable: bool
    ) -> None:
        self.number, self.asking, self.durable = number, asking, durable
        self.machine = Machine()
        self.troubles = journal.troubles
        self.journal, self.store = journal, store
        self.overflow = DoomedBlobs("overflow", journal.troubles)
        self.sidecars = DoomedSidecars(journal.troubles)
        self.cluster: Cluster | None = None
        self.view = FakeNodes()
        self.awake = trio.Event()
        self.awake.set()
        self.woke = -inf
        self._ids = iter(range(10**6))
        self._rest = 0.0
        self._armed: tuple[str, int] | None = None
        self._stopping = trio.Event()

    async def run(self) -> None:
        HERE.set(self)
        while True:
            await self._live()
            down = trio.current_time()
            if self.cluster:
                self.cluster.stir()
            await trio.sleep(self._rest)
            up = trio.current_time()
            self.troubles.felt("docledger", down, min(up, down + SPOILT) if self.cluster else up)

    async def _live(self) -> None:
        stages = bootstrap.Stages()
        stages.listening.set()
        async with self.machine.on() as nursery:
            self._assemble(nursery, stages)
            self.asking.born()
            self._stopping = trio.Event()
            await self._stopping.wait()
            await drain(self.desk, self.world, GRACE, close=self.door.shut)
            nursery.cancel_scope.cancel()

    async def call(self, errand: Callable[[], Awaitable[T]]) -> T:
        """From outside. It goes on when the caller no longer waits. Raises Cut, and what it raises."""

        async def here() -> T:
            HERE.set(self)
            await self.moves()
            return await errand()

        return await self.machine.call(here)

    def asks(self, key: str) -> None:
        """Its auto-save does, for what is being typed."""
        self.asking.commanded(key, self.woke)
        if self.cluster:
            self.cluster.asks(self, key)

    async def moves(self) -> None:
        """Nothing gets in or out of a process that is paused."""
        if not self.awake.is_set():
            await self.awake.wait()

    def _assemble(self, nursery: trio.Nursery, stages: bootstrap.Stages) -> None:
        if self.cluster:
            self.view = FakeNodes(others=1)
            self.cluster.stir()
        self.blobs = Blobs(self.store, self.overflow)
        self.world = World(
            self.journal,
            self.blobs,
            Inspector(self.blobs),
            self.server,
            self.sidecars,
            now,
            Patience(),
            Saves(CollectorRegistry()),
            self.view if self.cluster else SOLE,
        )
        self.files = Files(Shelf(self.journal, self.blobs, now, lambda: f"f{next(self._ids)}", LIMIT))
        self.desk = Desk(nursery, self.world)
        self.door = Door(self.desk, self.world, self.files)
        self.replacing = Replacing(self.desk, self.world, self.files)
        spool, recovery = Spool(nursery, self.desk, self.world), Recovery(self.desk, self.world)
        self.callbacks = Callbacks(
            nursery, self.desk, self.world, spool, keep_failed=self.durable, unsafe=recovery.nudge
        )
        nursery.start_soon(bootstrap._work, nursery, Follower(self.desk, self.world), spool, recovery, stages)
        nursery.start_soon(self.blobs.run)

    def stop(self, rest: float, *, shut: bool) -> None:
        """Gently; `shut`: everybody is sent out."""
        self._rest = rest
        self.asking.log("docledger stops")
        self.asking.exempt += 1
        self.door.shut = shut
        self._stopping.set()

    def kill(self, moment: str, ticks: int, rest: float) -> None:
        """At so many turns of the scheduler after the next moment of that name."""
        self._armed, self._rest = (moment, ticks), rest
        self.moment("now")

    def moment(self, name: str) -> None:
        if self._armed and self._armed[0] == name and self.machine.nursery:
            ticks, self._armed = self._armed[1], None
            self.machine.nursery.start_soon(self._die, ticks)

    async def _die(self, ticks: int) -> None:
        for _ in range(ticks):
            await trio.lowlevel.checkpoint()
        self.asking.log("docledger is killed")
        self.machine.off()

    def spare(self) -> None:
        """Nobody kills it any more."""
        self._armed = None

    async def answer(self, claims: Mapping[str, Any]) -> tuple[int, int]:
        """HTTP status and `error`, as web/callbacks.py replies."""
        self.moment("callback")
        began = trio.current_time()
        try:
            fate = await self.callbacks.receive(claims)
        except BadCallback:
            fate = Fate.MEANINGLESS
        except Exception:
            logger.exception("a callback failed")
            fate = Fate.UNSAFE
        self.moment("reply")
        await trio.lowlevel.checkpoint()
        answer = DURABLE[fate] if self.durable else (200, 0)
        self.callbacks.note_reply(claims, *answer, trio.current_time() - began)
        return answer

    async def content(self, file: str, number: int, key: str) -> bytes:
        """What the Document Server gets when it fetches a document, as web/links.py serves it."""
        version = await self.journal.version(file, number)
        assert version is not None, f"{file} has no version {number}"
        await self.door.load(key, number)
        return b"".join([part async for part in self.blobs.read(version.sha256)])
