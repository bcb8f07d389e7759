"""A machine on the wire: what runs there dies with it, and whoever waits for it sees the line cut."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

import outcome
import trio

from application.desk import Unavailable
from application.journal import JournalFailed
from application.ports import StorageFailed

T = TypeVar("T")


class Cut(Exception):
    """Nobody there, or not any more."""


class Machine:
    def __init__(self) -> None:
        self.nursery: trio.Nursery | None = None
        self._started = trio.Event()

    @property
    def up(self) -> bool:
        return self.nursery is not None

    @asynccontextmanager
    async def on(self) -> AsyncIterator[trio.Nursery]:
        """Until it is switched off, or the caller is done."""
        async with trio.open_nursery() as nursery:
            self.nursery = nursery
            self._started.set()
            try:
                yield nursery
            finally:
                self.off()

    def off(self) -> None:
        if self.nursery:
            self.nursery.cancel_scope.cancel()
            self.nursery = None
            self._started = trio.Event()

    async def started(self) -> None:
        """Until it is on, if it is not."""
        await self._started.wait()

    async def call(self, errand: Callable[[], Awaitable[T]]) -> T:
        """The errand goes on when the caller no longer waits. Raises Cut, and what the errand raises."""
        if self.nursery is None:
            await trio.lowlevel.checkpoint()
            raise Cut
        send, receive = trio.open_memory_channel[Any](1)
        self.nursery.start_soon(_run, errand, send)
        with receive:
            try:
                result: outcome.Outcome[T] = await receive.receive()
            except trio.EndOfChannel:
                raise Cut from None
        return result.unwrap()


async def _run(errand: Callable[[], Awaitable[T]], send: trio.MemorySendChannel[Any]) -> None:
    with send:
        result: outcome.Outcome[T]
        try:
            result = outcome.Value(await errand())
        except Exception as error:
            result = outcome.Error(error)
        try:
            send.send_nowait(result)
        except trio.BrokenResourceError:
            with suppress(JournalFailed, StorageFailed, Unavailable):
                result.unwrap()  # nobody waits any more; what broke must not pass unseen
