"""A node's session with PostgreSQL: the advisory locks by which the nodes know of each other."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, TypeVar

import psycopg
import trio
from psycopg import Connection

from application.nodes import ALL
from infrastructure.journal.postgres.connections import Overdue, told
from infrastructure.journal.postgres.tables import SPACE
from infrastructure.nodes.agreeing import Terms
from infrastructure.nodes.member import Lost
from infrastructure.nodes.sharing import Held

T = TypeVar("T")

FIRST = 2**30  # the lowest number of a node, far from those of the shards
ENTERING = 1001  # the lock of whoever enters: of two who do at once, one sees the other

# A session that says nothing for ten seconds is over, whatever became of its node and of the way to it. The
# rest is for a server that waits for the network itself.
SETTINGS = """SELECT set_config('idle_session_timeout', '10s', false),
    set_config('statement_timeout', '5s', false), set_config('tcp_user_timeout', '9s', false),
    set_config('tcp_keepalives_idle', '5', false), set_config('tcp_keepalives_interval', '2', false),
    set_config('tcp_keepalives_count', '2', false)"""
# Another log in the same database has tables of its own, and so locks of its own.
HERE = "SELECT %s # relnamespace::int FROM pg_class WHERE oid = to_regclass('stored_events')"
ENTER = "SELECT pg_advisory_xact_lock(%s, %s)"
LOCKS = """SELECT pid, objid::bigint, pid = pg_backend_pid() FROM pg_locks
    WHERE locktype = 'advisory' AND granted AND objsubid = 2 AND classid = %s::int::oid
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
LOCK = "SELECT number FROM unnest(%s::int[]) AS number WHERE pg_try_advisory_lock(%s, number)"
UNLOCK = "SELECT pg_advisory_unlock(%s, number) FROM unnest(%s::int[]) AS number"
OF_NODES = "SELECT name, digests FROM nodes WHERE number = ANY(%s)"
FORGET = "DELETE FROM nodes WHERE number <> ALL(%s)"
INTRODUCE = "INSERT INTO nodes (number, name, digests) VALUES (%s, %s, %s)"
LEAVE = "DELETE FROM nodes WHERE number = %s"

Introduce = Callable[[Sequence[Terms]], Terms]


class PostgresSession:
    """What the server is asked is asked in a thread."""

    def __init__(
        self, connection: Connection[Any], space: int, node: int, terms: Terms, overdue: Overdue
    ) -> None:
        self.node = node
        self.terms = terms
        self._connection = connection
        self._space = space
        self._overdue = overdue
        self._one = trio.CapacityLimiter(1)  # threads of others do not keep us waiting

    @classmethod
    async def enter(cls, url: str, overdue: Overdue, introduce: Introduce) -> PostgresSession:
        """`introduce` is given the terms of those who live, and says ours. Raises what it raises, Lost."""
        return await trio.to_thread.run_sync(partial(cls._entered, url, overdue, introduce))

    @classmethod
    def _entered(cls, url: str, overdue: Overdue, introduce: Introduce) -> PostgresSession:
        with plainly():
            connection = psycopg.connect(**told(url), autocommit=True)
            try:
                with overdue.watched(connection):
                    connection.execute(SETTINGS)
                    space = _space(connection)
                    with connection.transaction():
                        connection.execute(ENTER, (space, ENTERING))
                        node, terms = _introduced(connection, space, introduce)
            except BaseException:
                connection.close()
                raise
        return cls(connection, space, node, terms, overdue)

    async def look(self) -> Held:
        locks = await self._ask(LOCKS, self._space)
        held = _held([(pid, number) for pid, number, _ in locks])
        if not any(ours and number == self.node for _, number, ours in locks):
            raise Lost("another session answers: there must be no pooler between us and PostgreSQL")
        return held

    async def give(self, shards: frozenset[int]) -> None:
        await self._ask(UNLOCK, self._space, [*shards])

    async def take(self, shards: frozenset[int]) -> frozenset[int]:
        return frozenset(number for (number,) in await self._ask(LOCK, [*shards], self._space))

    async def disturbed(self) -> None:
        with suppress(psycopg.Error, OSError):
            await trio.lowlevel.wait_readable(self._connection.fileno())

    async def close(self) -> None:
        """Others are told that we need no looking after; a session that is over needs none."""
        with suppress(Lost):
            await self._ask(LEAVE, self.node)
        await trio.to_thread.run_sync(self._connection.close)

    async def _ask(self, sql: str, *parameters: Any) -> list[Any]:
        def ask() -> list[Any]:
            with plainly(), self._overdue.watched(self._connection):
                cursor = self._connection.execute(sql, parameters)
                return cursor.fetchall() if cursor.description else []

        return await trio.to_thread.run_sync(ask, limiter=self._one)


def _introduced(connection: Connection[Any], space: int, introduce: Introduce) -> tuple[int, Terms]:
    living = [number for _, number, _ in connection.execute(LOCKS, (space,)) if number >= FIRST]
    ours = introduce([Terms(*row) for row in connection.execute(OF_NODES, (living,))])
    node = FIRST + secrets.randbelow(FIRST)
    if node not in (number for (number,) in connection.execute(LOCK, ([node], space))):
        raise Lost(f"the number {node} is taken")
    connection.execute(FORGET, (living,))
    connection.execute(INTRODUCE, (node, *ours))
    return node, ours


def _held(locks: Sequence[tuple[int, int]]) -> Held:
    """From the sessions' locks. A session that goes may have let go its number, but not all shards yet."""
    nodes = {pid: number for pid, number in locks if number >= FIRST}
    return {
        node: frozenset(number for pid, number in locks if pid == session and number in ALL)
        for session, node in nodes.items()
    }


def _space(connection: Connection[Any]) -> int:
    row = connection.execute(HERE, (SPACE,)).fetchone()
    if row is None:
        raise Lost("there is no log in the database")
    return int(row[0])


@contextmanager
def plainly() -> Iterator[None]:
    """Raises Lost for whatever another session may mend."""
    try:
        yield
    except psycopg.Error as trouble:
        raise Lost(f"PostgreSQL does not answer: {trouble}") from trouble
