"""One node among others: which shards it believes are its own, and the round that keeps and evens them.

It believes no longer than the clock allows: when nothing has been heard of us for a while, the server gives
our shards to others, and whoever was stopped meanwhile must know on waking up, before anything else.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial
from math import inf
from typing import Protocol

import trio

from application.journal import JournalFailed
from infrastructure.nodes.sharing import Held, even, step

logger = logging.getLogger(__name__)

BELIEVED = 7.0  # seconds from asking, of the server's ten: what has been begun by then has the rest to end
PAUSE = 1.0  # seconds between two rounds
QUICK = 0.2  # seconds, while the shards are not shared out evenly
AGAIN = 0.5  # seconds between two attempts to come back

Clock = Callable[[], float]
# One that goes on while the machine sleeps, where there is one.
since_boot: Clock = partial(time.clock_gettime, getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Lost(JournalFailed):
    """The session is over, and with it all that it held."""


class Session(Protocol):
    """Locks that live no longer than it does. What asks the server raises Lost."""

    @property
    def node(self) -> int: ...

    @property
    def doubtful(self) -> bool:
        """Whether somebody is missing who never said farewell: who may not know it yet."""
        ...

    async def look(self) -> Held:
        """What each node that lives holds; a sign of life of our own as well."""
        ...

    async def give(self, shards: frozenset[int]) -> None: ...

    async def take(self, shards: frozenset[int]) -> frozenset[int]:
        """Those of them that nobody had."""
        ...

    async def disturbed(self) -> None:
        """Wait until it may be over."""
        ...

    async def close(self) -> None: ...

    async def renewed(self) -> Session:
        """Another one, once this is closed."""
        ...


class Member:
    """The port `Nodes`."""

    several = True

    def __init__(self, clock: Clock = since_boot) -> None:
        self._clock = clock
        self._held: frozenset[int] = frozenset()
        self._others = 1
        self._heard = clock() - BELIEVED  # when we asked what was answered last
        self._news = trio.Event()

    @property
    def shards(self) -> frozenset[int]:
        return self._held if self.silence < BELIEVED else frozenset()

    @property
    def others(self) -> int:
        """At least one while we cannot know."""
        return self._others if self.silence < BELIEVED else max(1, self._others)

    @property
    def silence(self) -> float:
        """For how many seconds we have not heard from the database who lives."""
        return self._clock() - self._heard

    async def changed(self, known: frozenset[int]) -> frozenset[int]:
        while (shards := self.shards) == known:
            news, left = self._news, BELIEVED - self.silence
            with trio.move_on_after(left if shards else inf):
                await news.wait()
        return shards

    async def run(self, session: Session) -> None:
        """For ever."""
        while True:
            try:
                await self._stay(session)
            except Lost as trouble:
                logger.warning(
                    "nothing is looked after here until we are one of the nodes again: %s", trouble
                )
            finally:
                self._believe(frozenset(), self._heard)
                with trio.CancelScope(shield=True):
                    await session.close()
            session = await _renewed(session)

    async def _stay(self, session: Session) -> None:
        trusted = self._clock() + BELIEVED if session.doubtful else 0.0
        while True:
            held = await self._round(session, trusted)
            with trio.move_on_after(PAUSE if even(held) else QUICK):
                await session.disturbed()

    async def _round(self, session: Session, trusted: float) -> Held:
        """What nobody holds is ours to take, unless nobody holds anything and it is not `trusted` time yet.

        The server may have come to life just now, and others still believe what it has forgotten.
        """
        asked = self._clock()
        held = await session.look()
        ours, (give, take) = held[session.node], step(session.node, held)
        if len(held) - 1 != self._others:
            self._others = len(held) - 1
            logger.info("%d other nodes live", self._others)
        self._believe(ours - give, asked)
        if give:
            await session.give(give)
        if take and (asked >= trusted or any(held.values())):
            self._believe(ours | await session.take(take), asked)
        return held

    def _believe(self, shards: frozenset[int], heard: float) -> None:
        before = self.shards
        self._held, self._heard = shards, heard
        if self.shards != before:
            self._news.set()
            self._news = trio.Event()


async def _renewed(session: Session) -> Session:
    while True:
        await trio.sleep(AGAIN)
        try:
            return await session.renewed()
        except Lost as trouble:
            logger.debug("not among the nodes yet: %s", trouble)
