"""Fakes: the application's ports in memory, held to the same contracts as the real ones."""

from __future__ import annotations

import hashlib
import time
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import AsyncExitStack, aclosing
from typing import Any, Self

import trio

from application.nodes import shard_of
from application.ports import Blob, StorageFailed, TooLarge
from application.sidecars import Sidecar


class FakeBlobs:
    """Set `broken` to a reason and every call fails with it."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.stored: dict[str, bytes] = {}
        self.kept_at: dict[str, float] = {}
        self.notes: dict[str, Mapping[str, Any]] = {}
        self.broken = ""

    async def keep(self, chunks: AsyncIterable[bytes], *, limit: int) -> Blob:
        content = b""
        async with AsyncExitStack() as stack:
            if isinstance(chunks, AsyncGenerator):
                await stack.enter_async_context(aclosing(chunks))
            async for chunk in chunks:
                content += chunk
                if len(content) > limit:
                    raise TooLarge(f"more than {limit} bytes")
        await self.work()
        sha256 = hashlib.sha256(content).hexdigest()
        self.stored[sha256] = content
        self.kept_at[sha256] = self.clock()
        return Blob(sha256, len(content))

    def read(self, sha256: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        return FakeReading(self, sha256, start, stop)

    async def place(self, sha256: str) -> str | None:
        """None: there are no files here."""
        await self.work()

    async def quarantine(self, sha256: str, source: str, note: Mapping[str, Any]) -> None:
        await self.work()
        self.notes[sha256] = {"sha256": sha256, **note}

    async def discard(self, sha256: str, *, idle: float, referenced: Callable[[], Awaitable[bool]]) -> bool:
        await self.work()
        idle_for = self.clock() - self.kept_at.get(sha256, self.clock())
        if sha256 not in self.stored or sha256 in self.notes or idle_for < idle:
            return False
        content, wanted = self.stored.pop(sha256), True
        try:
            wanted = await referenced()
        finally:
            if wanted:
                self.stored[sha256] = content
        return not wanted

    async def work(self) -> None:
        await trio.lowlevel.checkpoint()
        if self.broken:
            raise StorageFailed(self.broken)


class FakeSidecars:
    """Set `broken` to a reason and every call fails with it."""

    def __init__(self) -> None:
        self.kept: dict[str, Sidecar] = {}
        self.broken = ""

    async def put(self, sidecar: Sidecar) -> None:
        await self._work()
        self.kept[sidecar.id] = sidecar

    async def drop(self, id_: str) -> None:
        await self._work()
        self.kept.pop(id_, None)

    def holds(self, key: str) -> bool:
        return any(sidecar.key == key for sidecar in self.kept.values())

    def tells(self, sidecar: Sidecar) -> bool:
        return True

    async def waiting(self) -> Sequence[Sidecar]:
        await self._work()
        return list(self.kept.values())

    async def _work(self) -> None:
        await trio.lowlevel.checkpoint()
        if self.broken:
            raise StorageFailed(self.broken)


class FakeReading:
    """No generator, so that a reader may walk away from it as from the real one."""

    def __init__(self, blobs: FakeBlobs, sha256: str, start: int, stop: int | None) -> None:
        self._blobs = blobs
        self._sha256 = sha256
        self._part = slice(start, stop)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        await self._blobs.work()
        if self._sha256 not in self._blobs.stored:
            raise StorageFailed("there is no such blob")
        part, self._part = self._blobs.stored[self._sha256][self._part], slice(0)
        if not part:
            raise StopAsyncIteration
        return part


class FakeNodes:
    """One node's view of the cluster, as the test deals out the shards."""

    several = True
    silence = 0.0

    def __init__(self, shards: Iterable[int] = (), others: int = 1) -> None:
        self.shards, self.others = frozenset(shards), others
        self._news = trio.Event()

    def deal(self, shards: Iterable[int]) -> None:
        self.shards = frozenset(shards)
        self._news.set()
        self._news = trio.Event()

    async def changed(self, known: frozenset[int]) -> frozenset[int]:
        while self.shards == known:
            await self._news.wait()
        return self.shards


def move(key: str, to: FakeNodes, *others: FakeNodes) -> None:
    """Make the document this node's, and nobody else's."""
    for nodes in others:
        nodes.deal(nodes.shards - {shard_of(key)})
    to.deal(to.shards | {shard_of(key)})
