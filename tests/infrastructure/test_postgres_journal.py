"""What only the journal in PostgreSQL can show: failovers at any moment, other nodes, positions in order."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import psycopg
import pytest
import trio

from application.journal import JournalFailed, Query, StaleWrite
from domain import document as documents
from domain.events import DocumentEvent
from infrastructure.journal import LedgerJournal
from infrastructure.journal.postgres import tables
from infrastructure.journal.postgres.dialect import translated
from infrastructure.journal.postgres.upgrading import CURRENT
from tests.engines.postgres import Postgres
from tests.engines.relay import Relay
from tests.infrastructure.test_journal import change
from tests.story import admitted, joined, left

pytestmark = pytest.mark.scale

WORDS = [  # of the protocol: a statement or its end, in the order in which a transaction says them
    b"BEGIN",
    b"pg_advisory_xact_lock",
    b"unnest",
    b"INSERT INTO stored_events",
    b"INSERT INTO documents",
    b"NOTIFY",
    b"COMMIT",
]


@pytest.fixture
def relay(postgres: Postgres) -> Iterator[Relay]:
    relay = Relay(postgres.port)
    yield relay
    relay.close()


@pytest.fixture
async def journal(postgres_database: str) -> AsyncIterator[LedgerJournal]:
    async with LedgerJournal.open(postgres_database) as journal:
        yield journal


def through(relay: Relay, url: str) -> str:
    host, _, database = url.rpartition("/")
    return f"{host.rpartition(':')[0]}:{relay.port}/{database}"


async def numbers(journal: LedgerJournal, key: str) -> list[int]:
    return [fact.number for fact in await journal.document_history(key)]


async def positions(journal: LedgerJournal) -> list[int]:
    return [fact.position for fact in await journal.facts(Query(), after=0, limit=100_000)]


@pytest.mark.parametrize("word", WORDS)
async def test_a_question_that_is_lost_is_asked_again(
    relay: Relay, postgres_database: str, word: bytes
) -> None:
    async with LedgerJournal.open(through(relay, postgres_database)) as journal:
        await journal.append(change("before"))
        relay.lose_question(word)
        await journal.append(change("k", admitted()))
        assert relay.lost()
        assert await numbers(journal, "k") == [1, 2]
        assert await positions(journal) == [1, 2, 3]


@pytest.mark.parametrize("word", [b"BEGIN", b"SELECT 1", b"INSERT 0 ", b"NOTIFY", b"COMMIT"])
async def test_a_commit_whose_answer_is_lost_is_not_made_twice(
    relay: Relay, postgres_database: str, word: bytes
) -> None:
    async with LedgerJournal.open(through(relay, postgres_database)) as journal:
        await journal.append(change("before"))
        relay.lose_answer(word)
        async with trio.open_nursery() as nursery:
            for number in range(20):
                nursery.start_soon(journal.append, change(f"k{number}", admitted()))
        assert relay.lost()
        assert await positions(journal) == [*range(1, 42)]


async def test_somebody_elses_fact_is_no_answer_that_was_lost(relay: Relay, postgres_database: str) -> None:
    """The commit did not arrive, and before we try again another node records in our place."""
    async with (
        LedgerJournal.open(through(relay, postgres_database)) as ours,
        LedgerJournal.open(postgres_database) as theirs,
    ):
        await ours.append(change("k"))
        further = replace(change("k", joined()), after=1, events=[joined()])
        relay.lose_question(b"COMMIT")
        async with trio.open_nursery() as nursery:

            async def record() -> None:
                with pytest.raises(StaleWrite):
                    await ours.append(further)

            nursery.start_soon(record)
            await trio.to_thread.run_sync(relay.lost)
            relay.hang()
            await theirs.append(replace(change("k", admitted()), after=1, events=[admitted()]))
            relay.mend()
        assert await numbers(theirs, "k") == [1, 2]


async def test_nothing_acknowledged_is_lost_while_the_server_is_killed_again_and_again(
    postgres: Postgres, postgres_database: str
) -> None:
    done, unknown = set[str](), set[str]()

    async def write(journal: LedgerJournal, name: int) -> None:
        for number in range(60):
            key = f"{name}-{number}"
            try:
                await journal.append(change(key, admitted()))
                done.add(key)
            except JournalFailed:
                unknown.add(key)

    async with LedgerJournal.open(postgres_database) as journal:
        async with trio.open_nursery() as nursery:
            for name in range(10):
                nursery.start_soon(write, journal, name)
            for way in (postgres.kill, postgres.terminate_backends, lambda: postgres.stop("immediate")):
                await trio.sleep(0.3)
                await trio.to_thread.run_sync(way)
                await trio.to_thread.run_sync(postgres.ensure)
        found = await journal.touched(0, await journal.position())
        assert done
        assert done <= found.keys()
        assert found.keys() <= done | unknown
        assert {*found.values()} == {2}, "all of a change or nothing"
        assert await positions(journal) == [*range(1, 2 * len(found) + 1)], "no gaps"


async def test_a_server_that_is_down_fails_in_time_and_is_found_again(
    postgres: Postgres, postgres_database: str
) -> None:
    async with LedgerJournal.open(postgres_database) as journal:
        await journal.append(change("k"))
        await trio.to_thread.run_sync(postgres.stop)
        with trio.fail_after(25):
            with pytest.raises(JournalFailed):
                await journal.append(change("k2"))
            with pytest.raises(JournalFailed):
                await journal.document("k")
        began = trio.current_time()
        with pytest.raises(JournalFailed, match="a moment ago"):
            await journal.document("k")
        assert trio.current_time() - began < 0.5, "everybody else is told at once"
        await trio.to_thread.run_sync(postgres.start)
        with trio.fail_after(10):
            await journal.append(change("k3"))
        assert sorted(await journal.open_states(range(64))) in (["k", "k3"], ["k", "k2", "k3"])


async def test_a_server_that_stands_still_is_hung_up_on(postgres: Postgres, postgres_database: str) -> None:
    async with LedgerJournal.open(postgres_database) as journal:
        await journal.append(change("k"))
        await trio.to_thread.run_sync(postgres.pause)
        with trio.fail_after(30), pytest.raises(JournalFailed):
            await journal.document("k")
        await trio.to_thread.run_sync(postgres.resume)
        with trio.fail_after(15):
            while True:
                try:
                    assert await journal.document("k")
                    break
                except JournalFailed:
                    await trio.sleep(0.2)


async def test_who_is_stopped_in_the_middle_of_writing_holds_nobody_up_for_long(
    postgres_database: str,
) -> None:
    """For PostgreSQL it is not idle: it is in the middle of a pipeline, for which there is no deadline."""
    async with LedgerJournal.open(postgres_database) as journal:
        await journal.append(change("k"))
        stopped = psycopg.connect(postgres_database)
        with pytest.raises(psycopg.OperationalError), stopped, stopped.pipeline():  # noqa: PT012
            assert stopped.execute(tables.LOCK).fetchone()
            with trio.fail_after(20):
                await journal.append(change("k2"))
            stopped.execute("SELECT 1").fetchone()
        assert await positions(journal) == [1, 2]


async def test_two_nodes_fight_over_documents_and_no_history_breaks(postgres_database: str) -> None:
    wins = {"a": 0, "b": 0}

    async def fight(name: str, journal: LedgerJournal) -> None:
        for round_ in range(60):
            key = f"k{round_ % 5}"
            while True:
                facts = [fact.event for fact in await journal.document_history(key)]
                next_: DocumentEvent = joined() if len(facts) % 2 else left()
                state = documents.replay([*facts, next_])  # type: ignore[list-item]
                assert state
                try:
                    changed = replace(change(key), after=len(facts), events=[next_], state=state)
                    await journal.append(changed)
                except StaleWrite:
                    continue
                wins[name] += 1
                break

    async with (
        LedgerJournal.open(postgres_database) as a,
        LedgerJournal.open(postgres_database) as b,
    ):
        for number in range(5):
            await a.append(change(f"k{number}"))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fight, "a", a)
            nursery.start_soon(fight, "b", b)
        assert wins == {"a": 60, "b": 60}
        for number in range(5):
            assert await numbers(a, f"k{number}") == [*range(1, 26)]


async def test_positions_become_visible_in_their_order(postgres_database: str) -> None:
    """Whoever follows the log misses nothing, however many nodes write to it."""
    seen: list[int] = []

    async def write(journal: LedgerJournal, name: str) -> None:
        async with trio.open_nursery() as nursery:
            for number in range(150):
                nursery.start_soon(journal.append, change(f"{name}{number}", admitted()))
                await trio.sleep(0.001)

    async with (
        LedgerJournal.open(postgres_database) as a,
        LedgerJournal.open(postgres_database) as b,
        LedgerJournal.open(postgres_database) as reader,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(write, a, "a")
        nursery.start_soon(write, b, "b")
        while len(seen) < 600:
            with trio.fail_after(20):
                await reader.grown(seen[-1] if seen else 0)
            facts = await reader.facts(Query(), after=seen[-1] if seen else 0, limit=1000)
            seen += [fact.position for fact in facts]
        assert seen == [*range(1, 601)]


async def test_news_of_another_node_is_heard_at_once(postgres_database: str) -> None:
    async with (
        LedgerJournal.open(postgres_database) as ours,
        LedgerJournal.open(postgres_database) as theirs,
        trio.open_nursery() as nursery,
    ):
        await ours.append(change("k"))  # whoever writes listens as well
        heard = trio.Event()

        async def follow() -> None:
            assert await theirs.grown(1) == 2
            heard.set()

        nursery.start_soon(follow)
        await trio.sleep(1.3)  # until it waits, and listens
        began = trio.current_time()
        await ours.append(change("k2"))
        await heard.wait()
        assert trio.current_time() - began < 0.8, "well within the second in which it would look by itself"


async def test_a_database_of_a_newer_release_is_left_alone(postgres_database: str) -> None:
    async with LedgerJournal.open(postgres_database):
        pass
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        connection.execute("UPDATE schema_version SET number = %s", (CURRENT + 1,))
    with pytest.raises(JournalFailed, match="of a newer release"):
        async with LedgerJournal.open(postgres_database):
            pass


async def test_many_nodes_make_the_tables_at_once(postgres_database: str) -> None:
    async def begin(name: str) -> None:
        async with LedgerJournal.open(postgres_database) as journal:
            await journal.append(change(name))

    async with trio.open_nursery() as nursery:
        for name in "abcd":
            nursery.start_soon(begin, name)
    async with LedgerJournal.open(postgres_database) as journal:
        assert await positions(journal) == [1, 2, 3, 4]


async def test_what_is_committed_is_on_the_disk(journal: LedgerJournal) -> None:
    assert journal._ledger.views.query("SHOW synchronous_commit", (), tuple) == [("on",)]
    await journal.append(change("k"))


async def test_a_server_that_is_not_there_is_said_plainly(postgres_database: str) -> None:
    nowhere = (
        postgres_database.replace("docledger@", "docledger:hidden-word@").rpartition("/")[0] + "/nothing"
    )
    with pytest.raises(JournalFailed, match="cannot open the database") as failed:
        async with LedgerJournal.open(nowhere):
            pass
    assert "hidden-word" not in str(failed.value)


def test_statements_are_translated() -> None:
    sql = "SELECT 1 FROM a AS e INDEXED BY b CROSS JOIN c ON x = ? WHERE instr(state, ?) > 0 AND y LIKE 'd/%'"
    assert translated(sql) == (
        "SELECT 1 FROM a AS e JOIN c ON x = %s WHERE position(%s IN state) > 0 AND y LIKE 'd/%%'"
    )
