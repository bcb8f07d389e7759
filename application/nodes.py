"""Which node looks after which open documents, where several write to one log.

A document's actor may wake on any node, to take a command there. Looking after the document (auto-save,
reconciling, taking it up again) is for the one node that has its shard.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from hashlib import md5
from typing import Protocol

import trio

SHARDS = 64
LEADING = 0  # whose node does what is to be done once: webhooks, checkpoints, forgotten files, retention
ALL = frozenset(range(SHARDS))


def shard_of(key: str) -> int:
    """PostgreSQL works it out as well, in the table of documents."""
    return md5(key.encode(), usedforsecurity=False).digest()[0] % SHARDS


class Nodes(Protocol):
    @property
    def several(self) -> bool:
        """Whether others may write to the log at all, so that what we know of a document may be behind it."""
        ...

    @property
    def shards(self) -> frozenset[int]:
        """Those that are ours now."""
        ...

    @property
    def others(self) -> int:
        """How many other nodes live."""
        ...

    @property
    def silence(self) -> float:
        """For how many seconds we have not heard who lives."""
        ...

    async def changed(self, known: frozenset[int]) -> frozenset[int]:
        """Wait until our shards are no longer these; which they are now."""
        ...


class Sole:
    """The only node there can be."""

    several = False
    shards = ALL
    others = 0
    silence = 0.0

    async def changed(self, known: frozenset[int]) -> frozenset[int]:
        if known != ALL:
            return ALL
        await trio.sleep_forever()
        raise AssertionError("it sleeps for ever")


SOLE = Sole()


def owns(nodes: Nodes, key: str) -> bool:
    return shard_of(key) in nodes.shards


def leads(nodes: Nodes) -> bool:
    return LEADING in nodes.shards


async def while_leading(nodes: Nodes, duty: Callable[[], Awaitable[object]]) -> None:
    """For ever: a duty that is one node's begins whenever we lead, and is broken off when we no longer do."""
    shards = nodes.shards
    while True:
        while LEADING not in shards:
            shards = await nodes.changed(shards)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(duty)
            while LEADING in shards:
                shards = await nodes.changed(shards)
            nursery.cancel_scope.cancel()
