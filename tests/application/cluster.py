"""Several nodes over one journal and one blob store, each with a Document Server of its own to ask."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import trio

from application.following import Follower
from tests.application.conftest import FakeServer, Stage, life
from tests.fake_journal import FakeJournal
from tests.fakes import FakeBlobs, FakeNodes, FakeSidecars, move


@dataclass
class Member:
    """A node: what it does for whom is seen at its own server."""

    nodes: FakeNodes
    server: FakeServer
    stage: Stage
    scope: trio.CancelScope

    def kill(self) -> None:
        self.nodes.deal(())
        self.scope.cancel()


@dataclass
class Cluster:
    journal: FakeJournal
    blobs: FakeBlobs = field(default_factory=FakeBlobs)
    members: list[Member] = field(default_factory=list)

    def __getitem__(self, number: int) -> Member:
        return self.members[number]

    def give(self, key: str, to: int) -> None:
        others = [member.nodes for number, member in enumerate(self.members) if number != to]
        move(key, self[to].nodes, *others)

    def asked(self, name: str) -> list[int]:
        """How often each node has asked this of the server."""
        return [len(member.server.asked(name)) for member in self.members]

    async def join(self, *, task_status: trio.TaskStatus[Member]) -> None:
        nodes, server = FakeNodes(others=2), FakeServer(self.blobs)
        alive = life(self.journal, self.blobs, server, FakeSidecars(), nodes=nodes)
        with trio.CancelScope() as scope:
            async with alive as stage, trio.open_nursery() as nursery:
                await nursery.start(Follower(stage.desk, stage.world).run)
                task_status.started(Member(nodes, server, stage, scope))


@asynccontextmanager
async def cluster(count: int, journal: Callable[[], FakeJournal] = FakeJournal) -> AsyncIterator[Cluster]:
    cluster = Cluster(journal())
    async with trio.open_nursery() as nursery:
        for _ in range(count):
            cluster.members.append(await nursery.start(cluster.join))
        yield cluster
        nursery.cancel_scope.cancel()
