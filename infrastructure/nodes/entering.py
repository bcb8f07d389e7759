"""Becoming one of the nodes: a session with PostgreSQL, a number that is locked by it, and who else is there.

Blocking. The table of nodes tells who they are, the locks which of them live.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import Connection

from infrastructure.databases import in_a_line
from infrastructure.journal.postgres.connections import Overdue, told
from infrastructure.journal.postgres.tables import ENTERING, SPACE
from infrastructure.nodes.agreeing import Terms
from infrastructure.nodes.member import Lost

FIRST = 2**30  # the lowest number of a node, far from those of the shards
# A session that says nothing for ten seconds is over, whatever became of its node and of the way to it. The
# rest is for a server that waits for the network itself.
SETTINGS = """SELECT set_config('idle_session_timeout', '10s', false),
    set_config('statement_timeout', '5s', false), set_config('tcp_user_timeout', '9s', false),
    set_config('tcp_keepalives_idle', '5', false), set_config('tcp_keepalives_interval', '2', false),
    set_config('tcp_keepalives_count', '2', false)"""
# Another log in the same database has tables of its own, and so locks of its own.
HERE = "SELECT %s # relnamespace::int FROM pg_class WHERE oid = to_regclass('stored_events')"
OURS = """pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2 AND classid = %s::int::oid
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
LOCKS = f"SELECT pid, objid::bigint, pid = pg_backend_pid() FROM {OURS}"  # noqa: S608
ALONE = "SELECT pg_advisory_xact_lock(%s, %s)"
LOCK = "SELECT number FROM unnest(%s::int[]) AS number WHERE pg_try_advisory_lock(%s, number)"
NODES = "SELECT number, name, digests FROM nodes"
INTRODUCE = "INSERT INTO nodes (number, name, digests) VALUES (%s, %s, %s)"
LEAVE = "DELETE FROM nodes WHERE number = %s"

Introduce = Callable[[Sequence[Terms]], Terms]


@dataclass(frozen=True, slots=True)
class Way:
    url: str
    overdue: Overdue


@dataclass(frozen=True, slots=True)
class Entry:
    connection: Connection[Any]
    space: int  # of our locks
    node: int
    terms: Terms
    doubtful: bool  # see Session


@contextmanager
def plainly() -> Iterator[None]:
    """Raises Lost for whatever another session may mend."""
    try:
        yield
    except psycopg.Error as trouble:
        words = in_a_line(trouble)
        raise Lost(f"PostgreSQL does not answer: {words}") from trouble


def entered(way: Way, introduce: Introduce, former: int | None) -> Entry:
    """`introduce` is given the terms of those who live, and says ours. Raises what it raises, Lost."""
    with plainly():
        connection = psycopg.connect(**told(way.url), autocommit=True)
        try:
            with way.overdue.watched(connection):
                connection.execute(SETTINGS)
                with connection.transaction():
                    return _entered(connection, introduce, former)
        except BaseException:
            connection.close()
            raise


def _entered(connection: Connection[Any], introduce: Introduce, former: int | None) -> Entry:
    space = _space(connection)
    connection.execute(ALONE, (space, ENTERING))  # of two who enter at once, one sees the other
    living = {number for _, number, _ in connection.execute(LOCKS, (space,)) if number >= FIRST}
    known = {number: Terms(*terms) for number, *terms in connection.execute(NODES)}
    terms = introduce([known[number] for number in known.keys() & living])
    node = FIRST + secrets.randbelow(FIRST)
    if connection.execute(LOCK, ([node], space)).fetchone() is None:
        raise Lost(f"the number {node} is taken")
    connection.execute(LEAVE, (former,))
    connection.execute(INTRODUCE, (node, *terms))
    return Entry(connection, space, node, terms, doubtful=bool(known.keys() - living - {former}))


def _space(connection: Connection[Any]) -> int:
    row = connection.execute(HERE, (SPACE,)).fetchone()
    if row is None:
        raise Lost("there is no log in the database")
    return int(row[0])
