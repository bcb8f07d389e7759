"""Several nodes over one journal and one blob store, each with a Document Server of its own to ask."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import trio

from application.following import Follower
from application.journal import FileRow
from application.people import Person
from application.ports import Answer
from tests.application.conftest import ADA, FakeServer, Stage, callback, life
from tests.fake_journal import FakeJournal
from tests.fakes import FakeBlobs, FakeNodes, FakeSidecars, move


class Unfollowed(FakeJournal):
    """Nobody hears of what others record."""

    async def grown(self, beyond: int) -> int:
        await trio.sleep_forever()
        raise AssertionError("it sleeps for ever")


@dataclass
class Member(Stage):
    """A node: what it does for whom is seen at its own server."""

    nodes: FakeNodes
    scope: trio.CancelScope

    def kill(self) -> None:
        self.nodes.deal(())
        self.scope.cancel()


@dataclass
class Cluster:
    journal: FakeJournal = field(default_factory=FakeJournal)
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

    async def edited(self, on: int, to: int, person: Person = ADA) -> tuple[FileRow, str]:
        """A file that somebody edits, let in by one node and looked after by another."""
        row = await self[0].file()
        key = (await self[on].door.open(row.id, person, "::1")).key
        self.give(key, to)
        await self[on].callbacks.receive(callback(key, 1, users=[person.id]))
        await trio.sleep(0.1)
        return row, key

    async def _who(self, key: str) -> Answer:
        """Whom the server would name, as far as callbacks have told."""
        document, _ = self.journal.documents_[key]
        return Answer(0, {"error": 0, "users": sorted(document.users)})

    async def join(self, *, task_status: trio.TaskStatus[Member]) -> None:
        nodes, server = FakeNodes(others=2), FakeServer(self.blobs)
        server.answers["info"] = self._who
        alive = life(self.journal, self.blobs, server, FakeSidecars(), nodes=nodes)
        with trio.CancelScope() as scope:
            async with alive as stage, trio.open_nursery() as nursery:
                await nursery.start(Follower(stage.desk, stage.world).run)
                task_status.started(Member(**vars(stage), nodes=nodes, scope=scope))
                await trio.sleep_forever()


@asynccontextmanager
async def cluster(count: int, journal: FakeJournal | None = None) -> AsyncIterator[Cluster]:
    cluster = Cluster(journal or FakeJournal())
    async with trio.open_nursery() as nursery:
        nursery.cancel_scope.deadline = trio.current_time() + 24 * 3600
        for _ in range(count):
            cluster.members.append(await nursery.start(cluster.join))
        yield cluster
        nursery.cancel_scope.cancel()
