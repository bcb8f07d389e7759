"""A server of locks in memory, and hosts that stop, lose the way to it, and go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import TypeVar

import trio

from infrastructure.nodes.member import Lost, Member
from infrastructure.nodes.sharing import Held

T = TypeVar("T")

IDLE = 10.0  # seconds, as the real session asks for
DEADLINE = 10.0  # seconds, after which the real session hangs up


class Host:
    """Where one node runs."""

    def __init__(self) -> None:
        self.member = Member(trio.current_time)
        self.stopped = 0.0  # until when
        self.cut = 0.0

    async def awake(self) -> None:
        await trio.sleep_until(self.stopped)

    async def connected(self) -> None:
        with trio.move_on_after(DEADLINE):
            await trio.sleep_until(self.cut)
            return
        raise Lost("no answer in time")


@dataclass
class Server:
    delay: Callable[[], float] = lambda: 0.01  # seconds, for each way
    down: float = 0.0  # until when
    sessions: dict[int, FakeSession] = field(default_factory=dict)
    owners: dict[int, int] = field(default_factory=dict)  # by shard, the session's node
    missed: set[int | None] = field(default_factory=set)  # who never said farewell; outlives crashes
    hosts: list[Host] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=count)

    def crash(self, seconds: float) -> None:
        self.down = trio.current_time() + seconds
        for session in [*self.sessions.values()]:
            self.end(session)

    def end(self, session: FakeSession) -> None:
        if self.sessions.pop(session.node, None):
            self.missed.add(session.node)
        self.owners = {shard: node for shard, node in self.owners.items() if node != session.node}
        session.over.set()

    def held(self) -> Held:
        return {
            node: frozenset(shard for shard, owner in self.owners.items() if owner == node)
            for node in self.sessions
        }

    def grant(self, host: Host, node: int, shards: frozenset[int]) -> frozenset[int]:
        free = shards - self.owners.keys()
        self.missed.clear()
        for other in self.hosts:
            assert other is host or not free & other.member.shards, "two believe that a shard is theirs"
        self.owners |= dict.fromkeys(free, node)
        return free

    def revoke(self, node: int, shards: frozenset[int]) -> None:
        for shard in shards:
            assert self.owners.pop(shard) == node

    def tidy(self) -> None:
        for session in [*self.sessions.values()]:
            if trio.current_time() - session.heard >= IDLE:
                self.end(session)

    async def enter(self, host: Host, former: int | None = None) -> FakeSession:
        await host.awake()
        await host.connected()
        if trio.current_time() < self.down:
            raise Lost("it is down")
        self.tidy()
        self.missed.discard(former)
        session = FakeSession(self, host, next(self.numbers))
        self.sessions[session.node] = session
        return session


class FakeSession:
    def __init__(self, server: Server, host: Host, node: int) -> None:
        self.node = node
        self.doubtful = bool(server.missed)
        self.heard = trio.current_time()
        self.over = trio.Event()
        self._server, self._host = server, host

    async def renewed(self) -> FakeSession:
        return await self._server.enter(self._host, self.node)

    async def look(self) -> Held:
        return await self._ask(self._server.held)

    async def give(self, shards: frozenset[int]) -> None:
        await self._ask(lambda: self._server.revoke(self.node, shards))

    async def take(self, shards: frozenset[int]) -> frozenset[int]:
        return await self._ask(lambda: self._server.grant(self._host, self.node, shards))

    async def disturbed(self) -> None:
        await self.over.wait()
        await trio.sleep_until(self._host.cut)
        await self._host.awake()

    async def close(self) -> None:
        await trio.lowlevel.checkpoint()
        if trio.current_time() >= self._host.cut:
            self._server.end(self)
            self._server.missed.discard(self.node)

    async def _ask(self, what: Callable[[], T]) -> T:
        await self._travel()
        self._server.tidy()
        if self._server.sessions.get(self.node) is not self:
            raise Lost("the session is over")
        self.heard = trio.current_time()
        answer = what()
        await self._travel()
        return answer

    async def _travel(self) -> None:
        await self._host.awake()
        await self._host.connected()
        await trio.sleep(self._server.delay())
        await self._host.awake()
