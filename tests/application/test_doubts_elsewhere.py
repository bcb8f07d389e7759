"""A status 4 that closes nothing is asked about, by whichever node it came to, and not in a circle."""

from __future__ import annotations

from itertools import cycle

import pytest
import trio
from trio.testing import MockClock

from application.ports import Answer, ServerUnreachable
from domain import events
from domain.words import CloseReason, Mode, Next
from tests.application.cluster import Cluster, cluster
from tests.application.conftest import ADA, BOB, callback, saving, slowly

URL = "http://ds/cache/files/data/k_1/output.docx/output.docx?expires=99999999999"


def answering(nodes: Cluster, *to: int, users: tuple[str, ...] = ()) -> None:
    """`info` calls back before it answers: one node after the other."""
    turn = cycle(to)

    async def info(key: str) -> Answer:
        status = {"status": 1, "users": [*users]} if users else {"status": 4}
        await nodes[next(turn)].callbacks.receive({"key": key, **status})
        return Answer(0, {"error": 0, "users": [*users]})

    for member in nodes.members:
        member.server.answers["info"] = info


def facts(nodes: Cluster, key: str, kind: type) -> list[events.Event]:
    return [r.event for r in nodes.journal.streams[f"document/{key}"] if isinstance(r.event, kind)]


def reasons(nodes: Cluster, key: str) -> list[CloseReason]:
    return [fact.reason for fact in facts(nodes, key, events.Closed) if isinstance(fact, events.Closed)]


@pytest.mark.parametrize("to", [(0,), (1,), (2,), (0, 1, 2), (2, 1)], ids=str)
async def test_it_is_asked_about_once_the_order_is_clear_and_closes_wherever_the_answer_comes(
    to: tuple[int, ...], autojump_clock: MockClock
) -> None:
    async with cluster(3) as nodes:
        _, key = await nodes.edited(on=0, to=1)
        asked = sum(nodes.asked("info"))
        answering(nodes, *to)
        await nodes[0].callbacks.receive(callback(key, 4))
        await trio.sleep(9.8)
        assert sum(nodes.asked("info")) == asked
        assert reasons(nodes, key) == []
        await trio.sleep(0.3)
        assert reasons(nodes, key) == [CloseReason.UNCHANGED]
        await trio.sleep(1000)
        assert sum(nodes.asked("info")) == asked + 1


async def test_nodes_do_not_provoke_each_other_while_nobody_can_say(autojump_clock: MockClock) -> None:
    """A save is on its way, so that no status 4 closes anything."""
    async with cluster(3) as nodes:
        _, key = await nodes.edited(on=0, to=1)
        await trio.sleep(30)
        asked = sum(nodes.asked("info"))

        nodes[0].server.results[URL] = slowly(b"typed", 100)
        answering(nodes, 0, 1, 2)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(nodes[0].callbacks.receive, saving(key, URL))
            await trio.sleep(1)
            await nodes[2].callbacks.receive(callback(key, 4))
        await trio.sleep(100)
        assert reasons(nodes, key) == [CloseReason.SAVED]
        assert sum(nodes.asked("info")) - asked <= 5


async def test_who_joins_meanwhile_is_not_thrown_out(autojump_clock: MockClock) -> None:
    async with cluster(3) as nodes:
        _, key = await nodes.edited(on=0, to=1)
        await nodes[0].callbacks.receive(callback(key, 4))
        await nodes[2].callbacks.receive(callback(key, 1, users=["bob"]))
        answering(nodes, 1, users=("bob",))
        await trio.sleep(300)
        assert reasons(nodes, key) == []


async def test_a_doubting_visitor_stays_until_it_has_asked(autojump_clock: MockClock) -> None:
    async with cluster(2) as nodes:
        _, key = await nodes.edited(on=0, to=1)
        nodes[0].server.results[URL] = b"typed"
        await nodes[0].callbacks.receive(saving(key, URL))
        await trio.sleep(51)
        await nodes[0].callbacks.receive(callback(key, 1, users=["ada", "bob"]))
        await nodes[0].callbacks.receive(callback(key, 4))
        answering(nodes, 1)
        before = nodes.asked("info")[0]
        await trio.sleep(11)
        assert nodes.asked("info")[0] == before + 1
        assert reasons(nodes, key) == [CloseReason.SAVED]


async def test_a_visitor_that_cannot_ask_leaves_the_doubt_to_the_owner(autojump_clock: MockClock) -> None:
    async with cluster(2) as nodes:
        _, key = await nodes.edited(on=0, to=1)
        answering(nodes, 1)
        nodes[0].server.answers["info"] = ServerUnreachable("no route")
        await nodes[0].callbacks.receive(callback(key, 4))
        await trio.sleep(70)
        assert len(nodes[0].desk) == 0
        await trio.sleep(600)
        assert reasons(nodes, key) == [CloseReason.UNCHANGED]


async def test_no_changes_are_thought_orphaned_because_a_status_4_came_to_another_node(
    autojump_clock: MockClock,
) -> None:
    async with cluster(3) as nodes:
        row, key = await nodes.edited(on=0, to=1)
        answering(nodes, 2, 0)
        await trio.sleep(595)
        await nodes[0].door.open(row.id, ADA, "::9")
        await trio.sleep(300)
        assert not facts(nodes, key, events.Errored)
        assert reasons(nodes, key) == [CloseReason.UNCHANGED]


async def test_changes_that_are_orphaned_are_found_all_the_same(autojump_clock: MockClock) -> None:
    async with cluster(3) as nodes:
        _, key = await nodes.edited(on=0, to=1)
        turn = cycle((0, 1, 2))

        async def info(key: str) -> Answer:
            await nodes[next(turn)].callbacks.receive(callback(key, 1, users=[]))
            return Answer(0, {"error": 0, "users": []})

        for member in nodes.members:
            member.server.answers["info"] = info
        await trio.sleep(700)
        (errored,) = facts(nodes, key, events.Errored)
        assert isinstance(errored, events.Errored)
        assert errored.next is Next.REOPEN


async def test_a_late_status_4_does_not_throw_out_who_was_let_in_again_elsewhere(
    autojump_clock: MockClock,
) -> None:
    """They reload the page: the same user, mode and address, and a status 1 that says nothing new."""
    async with cluster(2) as nodes:
        row, key = await nodes.edited(on=0, to=1)
        answering(nodes, 0, 1, users=("ada",))
        await trio.sleep(60)
        assert (await nodes[0].door.open(row.id, ADA, "::1")).key == key
        await nodes[0].callbacks.receive(callback(key, 1, users=["ada"]))
        await nodes[1].callbacks.receive(callback(key, 4))
        await trio.sleep(60)
        assert reasons(nodes, key) == []


async def test_that_the_server_does_not_know_a_key_yet_means_nothing_wherever_they_were_let_in(
    autojump_clock: MockClock,
) -> None:
    async with cluster(2) as nodes:
        row, key = await nodes.edited(on=0, to=1)
        await nodes[0].callbacks.receive(callback(key, 1, users=[]))
        await trio.sleep(590)
        await nodes[0].door.open(row.id, ADA, "::1")
        nodes[1].server.answers |= {"info": 1, "forcesave": 1}
        await trio.sleep(60)
        assert reasons(nodes, key) == []


async def test_viewers_are_let_in_alike_without_a_fact_each(autojump_clock: MockClock) -> None:
    async with cluster(2) as nodes:
        row, key = await nodes.edited(on=0, to=1)
        for number in range(6):
            await nodes[number % 2].door.open(row.id, BOB, "::2", wanted=Mode.VIEW)
        assert nodes[0].types(key).count("Admitted") == 2
