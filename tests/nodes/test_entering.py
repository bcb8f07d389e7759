"""Becoming a node on a real PostgreSQL: what is asked of the way to it, of its age, and of who is there."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import psycopg
import pytest
import trio

from application.nodes import ALL
from infrastructure.journal.postgres.connections import Overdue
from infrastructure.journal.postgres.upgrading import prepare
from infrastructure.nodes.agreeing import Terms
from infrastructure.nodes.direct import check
from infrastructure.nodes.entering import Introduce, Way
from infrastructure.nodes.member import Lost
from infrastructure.nodes.session import PostgresSession
from infrastructure.settings import SettingsError
from tests.engines.fixtures import missing
from tests.engines.postgres import Postgres
from tests.nodes.pooler import pooler, pooler_program

pytestmark = pytest.mark.scale


@pytest.fixture
def url(postgres_database: str) -> str:
    prepare(postgres_database)
    return postgres_database


def named(name: str, met: list[str] | None = None) -> Introduce:
    def introduce(others: Sequence[Terms]) -> Terms:
        if met is not None:
            met.extend(sorted(other.name for other in others))
        return Terms(name, json.dumps({"salt": "", "digests": {}}))

    return introduce


@asynccontextmanager
async def entered(url: str, introduce: Introduce) -> AsyncIterator[PostgresSession]:
    overdue = Overdue()
    session = await PostgresSession.enter(Way(url, overdue), introduce)
    try:
        yield session
    finally:
        await session.close()
        overdue.close()


def names(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM nodes")}


async def test_whoever_enters_meets_those_who_live_and_leaves_no_trace(url: str) -> None:
    met: list[str] = []
    async with entered(url, named("ada")), entered(url, named("bob", met)):
        assert names(url) == {"ada", "bob"}
    assert met == ["ada"]
    assert names(url) == set()


async def test_who_is_refused_leaves_no_trace_either(url: str) -> None:
    def refuse(others: Sequence[Terms]) -> Terms:
        raise SettingsError("no")

    async with entered(url, named("ada")) as session:
        with pytest.raises(SettingsError):
            async with entered(url, refuse):
                pass
        assert (await session.look()).keys() == {session.node}


async def test_who_died_is_missed_until_somebody_may_take_what_there_is(url: str, postgres: Postgres) -> None:
    met: list[str] = []
    async with entered(url, named("ada")) as ada, entered(url, named("bob")):
        postgres.terminate_backends()
        with pytest.raises(Lost):
            await ada.look()
        async with entered(url, named("eve", met)) as eve:
            assert met == []
            assert eve.doubtful
            await eve.take(ALL)
            assert names(url) == {"eve"}
            async with entered(url, named("dan")) as dan:
                assert not dan.doubtful


async def test_coming_back_one_does_not_miss_oneself(url: str, postgres: Postgres) -> None:
    async with entered(url, named("ada")) as ada:
        postgres.terminate_backends()
        again = await ada.renewed()
        assert not again.doubtful
        assert names(url) == {"ada"}
        await again.close()


async def test_what_one_has_nobody_else_gets_until_it_is_given(url: str) -> None:
    async with entered(url, named("ada")) as ada, entered(url, named("bob")) as bob:
        assert await ada.take(frozenset({1, 2, 3})) == {1, 2, 3}
        assert await bob.take(frozenset({3, 4})) == {4}
        await ada.give(frozenset({3}))
        assert await bob.take(frozenset({3, 4, 5})) == {3, 4, 5}
        assert await ada.look() == {ada.node: {1, 2}, bob.node: {3, 4, 5}}


async def test_two_logs_in_one_database_have_nothing_to_share(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE SCHEMA other")
    other = f"{url}?options=-csearch_path%3Dother"
    prepare(other)
    async with entered(url, named("ada")) as ada, entered(other, named("bob")) as bob:
        assert await ada.take(ALL) == ALL
        assert await bob.take(ALL) == ALL
        assert await bob.look() == {bob.node: ALL}


async def test_a_session_that_is_not_its_own_any_more_is_as_good_as_lost(url: str) -> None:
    async with entered(url, named("ada")) as session:
        await session._ask("SELECT pg_advisory_unlock_all()")
        with pytest.raises(Lost, match="another session"):
            await session.look()


async def test_a_server_that_stands_still_is_given_up(url: str, postgres: Postgres) -> None:
    async with entered(url, named("ada")) as session:
        postgres.pause()
        with trio.fail_after(13), pytest.raises(Lost):
            await session.look()
        postgres.resume()


@pytest.fixture
def through(postgres: Postgres, url: str) -> Callable[[int], str]:
    database = url.rpartition("/")[2]
    return lambda port: f"postgresql://docledger@127.0.0.1:{port}/{database}"


def test_a_pooler_that_shares_sessions_out_is_refused(
    postgres: Postgres, through: Callable[[int], str], url: str
) -> None:
    program = pooler_program() or missing("PgBouncer", "apt install pgbouncer")
    check(url)
    with pooler(program, postgres, "session") as port:
        check(through(port))
    refused = pytest.raises(SettingsError, match="DOCLEDGER_DATABASE_URL leads to a pooler")
    with pooler(program, postgres, "transaction") as port, refused:
        check(through(port))
