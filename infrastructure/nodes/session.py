"""A node's session with PostgreSQL: the advisory locks by which the nodes share the shards out."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import psycopg
import trio

from application.nodes import ALL
from infrastructure.nodes.entering import (
    FIRST,
    LEAVE,
    LOCK,
    LOCKS,
    OURS,
    Entry,
    Introduce,
    Way,
    entered,
    plainly,
)
from infrastructure.nodes.member import Lost
from infrastructure.nodes.sharing import Held

UNLOCK = "SELECT pg_advisory_unlock(%s, number) FROM unnest(%s::int[]) AS number"
FORGET = f"DELETE FROM nodes WHERE number NOT IN (SELECT objid::bigint FROM {OURS})"  # noqa: S608


class PostgresSession:
    """What the server is asked is asked in a thread."""

    def __init__(self, way: Way, entry: Entry) -> None:
        self.node, self.doubtful = entry.node, entry.doubtful
        self._way, self._entry = way, entry
        self._one = trio.CapacityLimiter(1)  # threads of others do not keep us waiting

    @classmethod
    async def enter(cls, way: Way, introduce: Introduce, former: int | None = None) -> PostgresSession:
        """`former` is the number we had before. Raises what `introduce` raises, Lost."""
        return cls(way, await trio.to_thread.run_sync(entered, way, introduce, former))

    async def renewed(self) -> PostgresSession:
        return await self.enter(self._way, lambda _: self._entry.terms, self.node)

    async def look(self) -> Held:
        locks = await self._ask(LOCKS, self._entry.space)
        if not any(ours and number == self.node for _, number, ours in locks):
            raise Lost("another session has answered")
        return _held([(pid, number) for pid, number, _ in locks])

    async def give(self, shards: frozenset[int]) -> None:
        await self._ask(UNLOCK, self._entry.space, [*shards])

    async def take(self, shards: frozenset[int]) -> frozenset[int]:
        taken = await self._ask(LOCK, [*shards], self._entry.space)
        await self._ask(FORGET, self._entry.space)  # who holds nothing now believes nothing
        return frozenset(number for (number,) in taken)

    async def disturbed(self) -> None:
        with suppress(psycopg.Error, OSError):
            await trio.lowlevel.wait_readable(self._entry.connection.fileno())

    async def close(self) -> None:
        with suppress(Lost):
            await self._ask(LEAVE, self.node)
        await trio.to_thread.run_sync(self._entry.connection.close)

    async def _ask(self, sql: str, *parameters: Any) -> list[Any]:
        connection = self._entry.connection

        def ask() -> list[Any]:
            with plainly(), self._way.overdue.watched(connection):
                cursor = connection.execute(sql, parameters)
                return cursor.fetchall() if cursor.description else []

        return await trio.to_thread.run_sync(ask, limiter=self._one)


def _held(locks: Sequence[tuple[int, int]]) -> Held:
    """A session that goes may have let go of its number, but not of all its shards yet."""
    nodes = {pid: number for pid, number in locks if number >= FIRST}
    return {
        node: frozenset(number for pid, number in locks if pid == session and number in ALL)
        for session, node in nodes.items()
    }
