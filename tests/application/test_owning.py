"""Several nodes over one log: one of them looks after a document, and any of them answers for it."""

from __future__ import annotations

from itertools import pairwise

import pytest
import trio
from trio.testing import MockClock

from application.nodes import ALL, SHARDS, shard_of
from application.sleepers import ASKED
from domain.words import Mode
from tests.application.cluster import Cluster, cluster
from tests.application.conftest import ADA, BOB, callback, saving

URL = "http://ds/cache/files/data/k_1/output.docx/output.docx?expires=99999999999"


async def forcesaves(cluster: Cluster, seconds: float) -> list[int]:
    """How many of them each node has asked for in that time."""
    before = cluster.asked("forcesave")
    await trio.sleep(seconds)
    return [now - then for now, then in zip(cluster.asked("forcesave"), before, strict=True)]


async def test_only_the_node_that_has_the_document_auto_saves_it(autojump_clock: MockClock) -> None:
    async with cluster(3) as nodes:
        await nodes.edited(on=0, to=1)
        assert await forcesaves(nodes, 300) == [0, 10, 0]


async def test_it_does_so_for_who_was_let_in_elsewhere_and_has_not_joined_yet(
    autojump_clock: MockClock,
) -> None:
    async with cluster(2) as nodes:
        nodes[1].nodes.deal(ALL)
        row = await nodes[0].file()
        await nodes[0].door.open(row.id, ADA, "::1")
        assert await forcesaves(nodes, 500) == [0, 4]


async def test_what_another_node_opens_is_not_asked_about_at_once(autojump_clock: MockClock) -> None:
    async with cluster(2) as nodes:
        nodes[1].nodes.deal(ALL)
        row = await nodes[0].file()
        await nodes[0].door.open(row.id, ADA, "::1", wanted=Mode.VIEW)
        await trio.sleep(590)
        assert nodes.asked("info") == [0, 0]
        await trio.sleep(20)
        assert nodes.asked("info") == [0, 1], "the silence is the owner's to ask about"


async def test_the_next_owner_goes_on_where_the_last_one_was(autojump_clock: MockClock) -> None:
    async with cluster(2) as nodes:
        _, key = await nodes.edited(on=0, to=0)
        assert await forcesaves(nodes, 60) == [2, 0]
        nodes.give(key, to=1)
        assert await forcesaves(nodes, 60) == [0, 2]
        nodes.give(key, to=0)
        assert await forcesaves(nodes, 60) == [2, 0]


async def test_a_visitor_rests_a_minute_after_its_last_letter_though_the_document_is_open(
    autojump_clock: MockClock,
) -> None:
    async with cluster(2) as nodes:
        _, key = await nodes.edited(on=0, to=1)
        await trio.sleep(40)
        await nodes[0].desk.ask(key)
        await trio.sleep(59)
        assert len(nodes[0].desk) == 1
        await trio.sleep(2)
        assert (len(nodes[0].desk), len(nodes[1].desk)) == (0, 1)


async def test_whoever_loses_a_document_becomes_a_visitor_and_rests(autojump_clock: MockClock) -> None:
    async with cluster(2) as nodes:
        _, key = await nodes.edited(on=0, to=0)
        await trio.sleep(200)
        nodes.give(key, to=1)
        await trio.sleep(59)
        assert len(nodes[0].desk) == 1
        await trio.sleep(2)
        assert len(nodes[0].desk) == 0


async def test_a_crowd_finds_an_actor_at_the_very_instant_the_visitor_leaves_and_becomes_the_owner(
    autojump_clock: MockClock,
) -> None:
    async with cluster(2) as nodes:
        _, key = await nodes.edited(on=0, to=1)
        await nodes[0].desk.ask(key)
        answered = 0

        async def knock(after: float) -> None:
            nonlocal answered
            await trio.sleep(after)
            assert await nodes[0].desk.ask(key)
            answered += 1

        async with trio.open_nursery() as nursery:
            for _ in range(30):
                nursery.start_soon(knock, 60)
            await trio.sleep(60)
            nodes.give(key, to=0)
        assert answered == 30
        assert await forcesaves(nodes, 60) == [2, 0]


@pytest.mark.parametrize("ticks", range(6))
async def test_a_document_that_comes_to_a_visitor_as_it_leaves_is_looked_after(
    ticks: int, autojump_clock: MockClock
) -> None:
    async with cluster(2) as nodes:
        _, key = await nodes.edited(on=0, to=1)
        for _ in range(10):
            await nodes[0].desk.ask(key)
            await trio.sleep(60)
            for _ in range(ticks):
                await trio.lowlevel.checkpoint()
            nodes.give(key, to=0)
            assert (await forcesaves(nodes, 60))[0] == 2
            nodes.give(key, to=1)
            await trio.sleep(70)


async def test_a_document_that_comes_to_a_visitor_is_saved_in_its_turn_though_letters_come_with_it(
    autojump_clock: MockClock,
) -> None:
    async with cluster(2) as nodes:
        _, key = await nodes.edited(on=0, to=1)
        for _ in range(3):
            await trio.sleep(30)
            await nodes[0].desk.ask(key)
        nodes.journal.hanging = 5
        nodes[0].nodes.deal({(shard_of(key) + 1) % SHARDS})  # what comes with it takes its time
        await trio.sleep(1)
        nodes.journal.hanging = 0
        nodes.give(key, to=0)
        assert await nodes[0].desk.ask(key)
        assert await forcesaves(nodes, 0.1) == [0, 0]
        assert await forcesaves(nodes, 60) == [2, 0]


async def test_what_a_callback_says_to_one_node_the_owner_knows(autojump_clock: MockClock) -> None:
    async with cluster(2) as nodes:
        _, key = await nodes.edited(on=0, to=1)
        await trio.sleep(60)
        await nodes[0].callbacks.receive(callback(key, 4))
        assert await forcesaves(nodes, 100) == [0, 0]
        await nodes[0].callbacks.receive(callback(key, 1, users=["ada"]))
        assert await forcesaves(nodes, 60) == [0, 2]


async def test_a_save_that_another_node_took_counts_as_a_sign_of_life(autojump_clock: MockClock) -> None:
    async with cluster(2) as nodes:
        _, key = await nodes.edited(on=0, to=1)
        await trio.sleep(500)
        nodes[0].server.results[URL] = b"typed"
        await nodes[0].callbacks.receive(saving(key, URL))
        await trio.sleep(590)
        assert nodes.asked("info") == [0, 1], "when it became the owner's"


async def test_two_nodes_let_two_people_into_one_session(autojump_clock: MockClock) -> None:
    async with cluster(2) as nodes:
        row = await nodes[0].file()
        keys = set()

        async def open_(number: int) -> None:
            person = (ADA, BOB)[number]
            keys.add((await nodes[number].door.open(row.id, person, "::1")).key)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(open_, 0)
            nursery.start_soon(open_, 1)
        assert len(keys) == 1


async def test_documents_whose_node_died_are_taken_up_and_asked_about_a_few_at_a_time(
    autojump_clock: MockClock,
) -> None:
    async with cluster(2) as nodes:
        nodes[0].nodes.deal(ALL)
        for _ in range(250):
            await nodes.edited(on=0, to=0)
        nodes[0].kill()
        nodes[1].nodes.deal(ALL)
        moved = trio.current_time()
        await trio.sleep(30.1)
        assert len(nodes[1].desk) == 250
        infos = nodes[1].server.asked("info")
        assert len(infos) == 250
        assert max(infos) - moved >= 249 / ASKED
        assert len({round(moment, 6) for moment in infos}) == 250
        assert nodes.asked("forcesave")[1] == 250


async def test_documents_are_taken_up_as_soon_as_the_journal_can_be_read(autojump_clock: MockClock) -> None:
    async with cluster(2) as nodes:
        _, key = await nodes.edited(on=0, to=0)
        nodes.journal.failing = True
        nodes.give(key, to=1)
        assert await forcesaves(nodes, 90) == [0, 0], "whoever lost it stops at once"
        nodes.journal.failing = False
        assert await forcesaves(nodes, 60) == [0, 2]


async def test_a_node_that_could_not_follow_the_log_for_a_while_catches_up(autojump_clock: MockClock) -> None:
    async with cluster(2) as nodes:
        _, key = await nodes.edited(on=0, to=1)
        await trio.sleep(60)
        nodes.journal.failing = True
        await trio.sleep(60)
        nodes.journal.failing = False
        await nodes[0].callbacks.receive(callback(key, 4))
        assert await forcesaves(nodes, 100) == [0, 0]


async def test_an_actor_that_is_behind_reads_only_what_it_does_not_know(autojump_clock: MockClock) -> None:
    async with cluster(2) as nodes:
        _, key = await nodes.edited(on=0, to=1)
        read: list[int] = []
        history = nodes.journal.document_history

        async def counted(key: str, after: int = 0) -> object:
            read.append(after)
            return await history(key, after)

        nodes.journal.document_history = counted  # type: ignore[method-assign,assignment]
        await nodes[0].callbacks.receive(callback(key, 1, users=["ada", "bob"]))
        await trio.sleep(1)
        assert read == [3], "Opened, Admitted and Joined it had"


async def test_numbers_of_documents_are_each_nodes_own(autojump_clock: MockClock) -> None:
    async with cluster(2) as nodes:
        await nodes.edited(on=0, to=1)
        assert [member.desk.opened() for member in nodes.members] == [0, 1]
        assert [len([*member.desk.edited()]) for member in nodes.members] == [0, 1]


async def test_forcesaves_keep_their_distance_whoever_asks(autojump_clock: MockClock) -> None:
    """All nodes of a test have one clock, so the phase is the same."""
    async with cluster(2) as nodes:
        _, key = await nodes.edited(on=0, to=0)
        for turn in range(8):
            await trio.sleep(47)
            nodes.give(key, to=(turn + 1) % 2)
        asked = sorted(moment for member in nodes.members for moment in member.server.asked("forcesave"))
        assert {round(b - a, 6) for a, b in pairwise(asked)} == {30}


async def test_what_comes_and_goes_while_nobody_looks_is_no_harm(autojump_clock: MockClock) -> None:
    async with cluster(2) as nodes:
        await nodes.edited(on=0, to=0)
        mine = nodes[0].nodes
        for _ in range(5):
            shards = mine.shards
            mine.deal(())
            mine.deal(shards)
        assert await forcesaves(nodes, 60) == [2, 0]
        assert nodes.asked("info") == [1, 0], "when it became its own"
