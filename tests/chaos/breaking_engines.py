"""What can be broken behind several nodes: the engines they share, and their ways to the database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from time import time
from typing import Any

import psycopg
import trio

from tests.chaos.plan import Fault, Kind
from tests.chaos.plan_of_nodes import BACKENDS, PAUSE
from tests.chaos.processes import Server, Spell
from tests.chaos.watching import Watch
from tests.engines.engine import Engine
from tests.engines.namespaces import Machine, Network
from tests.engines.postgres import Postgres

LOCK = "LOCK TABLE stored_events IN EXCLUSIVE MODE"


@dataclass(slots=True)
class Engines:
    """Each is broken in one way at a time, and each node's cable cut once at a time."""

    nodes: Sequence[Server]
    machines: Sequence[Machine]
    network: Network
    postgres: Postgres
    objects: Engine
    counters: Engine
    database: str  # its url
    watch: Watch
    taps: Sequence[int]  # ports by which the nodes' commands are known
    deaths: dict[str, int] = field(default_factory=dict)
    _locks: dict[object, trio.Lock] = field(default_factory=lambda: defaultdict(trio.Lock))

    def last_offer(self) -> int | None:
        return self.watch.offered

    async def suffer(self, fault: Fault) -> None:
        match fault.kind:
            case Kind.PAUSE:
                await self.nodes[fault.node or 0].pause(fault.seconds)
            case Kind.CUT:
                await self._cut(range(len(self.nodes)) if fault.node is None else [fault.node], fault.seconds)
            case Kind.DATABASE:
                await self._die(self.postgres, fault)
            case Kind.OBJECTS:
                await self._die(self.objects, fault)
            case Kind.COUNTERS:
                await self._die(self.counters, fault)
            case Kind.JOURNAL:
                await trio.to_thread.run_sync(self._lock, fault.seconds)
            case _:
                raise AssertionError(f"there is no {fault.kind} here")

    async def _cut(self, nodes: Sequence[int], seconds: float) -> None:
        async with trio.open_nursery() as nursery:
            for node in nodes:
                nursery.start_soon(self._cut_one, node, seconds)

    async def _cut_one(self, node: int, seconds: float) -> None:
        async with self._locks[node]:
            self.network.cut(self.machines[node])
            began = time()
            try:
                await trio.sleep(seconds)
            finally:
                self.network.mend(self.machines[node])
            self.nodes[node].spells.append(Spell("cut", began, time()))

    async def _die(self, engine: Engine, fault: Fault) -> None:
        begin, end = self._death(engine, fault.how)
        self.deaths[fault.kind] = self.deaths.get(fault.kind, 0) + 1
        async with self._locks[fault.kind]:
            await trio.to_thread.run_sync(begin)
            await trio.sleep(fault.seconds)
            await trio.to_thread.run_sync(end)

    def _death(self, engine: Engine, how: str) -> tuple[Callable[[], Any], Callable[[], Any]]:
        match how:
            case "fast" | "immediate":
                return partial(self.postgres.stop, how), engine.start
            case str() if how == BACKENDS:
                return self.postgres.terminate_backends, engine.start
            case str() if how == PAUSE:
                return engine.pause, engine.resume
        return engine.kill, engine.start

    def _lock(self, seconds: float) -> None:
        """Somebody else writes: whoever wants to as well hears, in the end, that it takes too long."""
        with suppress(psycopg.Error), psycopg.connect(self.database, connect_timeout=5) as connection:
            connection.execute(LOCK)
            connection.execute("SELECT pg_sleep(%s)", [seconds])
