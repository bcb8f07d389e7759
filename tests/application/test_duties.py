"""What is to be done once is done by the node that leads, and goes on when another does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from application.draining import drain
from application.files import Forbidden
from application.forgotten import RETRIES_OVER, Recovery
from application.nodes import LEADING, SOLE, Nodes, while_leading
from application.operating import Operating
from application.trust import Trust
from domain import events
from domain.words import Trigger
from tests.application.cluster import Cluster, Member, cluster
from tests.application.conftest import callback, saving, slowly
from tests.application.test_forgotten import forget
from tests.application.test_webhooks import A, version
from tests.application.test_webhooks import Stage as Telling
from tests.fakes import FakeNodes

URL = "http://ds/cache/files/data/k_{}/output.docx/output.docx?expires=99999999999"
LEADER = (LEADING,)


class Duty:
    def __init__(self) -> None:
        self.begun = self.broken_off = 0

    async def __call__(self) -> None:
        self.begun += 1
        try:
            await trio.sleep_forever()
        finally:
            self.broken_off += 1


async def began(nursery: trio.Nursery, nodes: Nodes, duty: Callable[[], Awaitable[object]]) -> None:
    nursery.start_soon(while_leading, nodes, duty)
    await trio.testing.wait_all_tasks_blocked()


async def test_a_duty_begins_and_ends_with_the_lead(nursery: trio.Nursery, autojump_clock: MockClock) -> None:
    nodes, duty = FakeNodes(), Duty()
    await began(nursery, nodes, duty)
    seen = [(duty.begun, duty.broken_off)]
    for shards in ({3}, {3, LEADING}, {LEADING}, {3}, {LEADING}):
        nodes.deal(shards)
        await trio.sleep(1)
        seen.append((duty.begun, duty.broken_off))
    assert seen == [(0, 0), (0, 0), (1, 0), (1, 0), (1, 1), (2, 1)]


async def test_whoever_is_alone_leads_from_the_beginning(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    duty = Duty()
    await began(nursery, SOLE, duty)
    assert (duty.begun, duty.broken_off) == (1, 0)


async def test_a_duty_that_is_done_is_not_begun_again_until_the_lead_comes_again(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    nodes, times = FakeNodes(LEADER), 0

    async def duty() -> None:
        nonlocal times
        times += 1

    await began(nursery, nodes, duty)
    nodes.deal(())
    await trio.sleep(1)
    nodes.deal(LEADER)
    await trio.sleep(1)
    assert times == 2


async def test_receivers_are_told_on_from_where_the_last_leader_was(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    stage = Telling(nursery)
    one, other = FakeNodes(LEADER), FakeNodes()
    first, second = stage.webhooks(A), stage.webhooks(A)
    await stage.log.add("f")
    nursery.start_soon(while_leading, one, first.run)
    nursery.start_soon(while_leading, other, second.run)
    await trio.sleep(1)
    for number in range(2, 8):
        await stage.log.tell_file("f", version(number))
        await trio.sleep(2)
        for nodes in (one, other):
            nodes.deal(LEADER if nodes.shards == frozenset() else ())
    await trio.sleep(1)
    assert stage.post.positions() == sorted(set(stage.post.positions()))
    assert len(stage.post.positions()) == 6
    assert [len(await webhooks.lags()) for webhooks in (first, second)] == [1, 0]


async def recovered(nodes: Cluster, on: int) -> Member:
    """A node that has a forgotten file within reach, which no callback has told of."""
    _, key = await nodes.edited(on=0, to=1)
    await trio.sleep(30)
    await nodes[0].callbacks.receive(callback(key, 4))
    member = nodes[on]
    forget(member, {key: b"typed in the outage"})
    member.server.answers["info"] = 1
    return member


def triggers(nodes: Cluster) -> list[Trigger]:
    streams = nodes.journal.streams.items()
    facts = (fact.event for name, facts in streams if name.startswith("file/") for fact in facts)
    return [fact.trigger for fact in facts if isinstance(fact, events.VersionAdded)]


async def test_only_the_leader_looks_for_forgotten_files_on_a_timer(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    async with cluster(2) as nodes:
        await recovered(nodes, on=1)
        for member in nodes.members:
            nursery.start_soon(Recovery(member.desk, member.world).run)
        await trio.sleep(1000)
        assert nodes.asked("getForgottenList") == [0, 0]
        nodes[1].nodes.deal(nodes[1].nodes.shards | {LEADING})
        await trio.sleep(1000)
        assert nodes.asked("getForgottenList") == [0, 4]
        assert Trigger.RECOVERED in triggers(nodes)
        nursery.cancel_scope.cancel()


async def test_a_refused_save_is_looked_for_where_it_was_refused(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    async with cluster(2) as nodes:
        member = await recovered(nodes, on=0)
        recovery = Recovery(member.desk, member.world)
        nursery.start_soon(recovery.run)
        recovery.nudge()
        await trio.sleep(RETRIES_OVER + 1)
        assert Trigger.RECOVERED in triggers(nodes)
        nursery.cancel_scope.cancel()


async def test_two_nodes_that_find_the_same_forgotten_file_bring_it_back_once(
    autojump_clock: MockClock,
) -> None:
    """One is still about to offer it to the document when the other has deleted it at the server."""
    async with cluster(2) as nodes:
        member = await recovered(nodes, on=0)
        other = nodes[1].server
        other.answers, other.results = dict(member.server.answers), member.server.results
        ask = other.answers["getForgotten"]

        async def late(key: str) -> object:
            answer = await ask(key)
            await trio.sleep(5)
            return answer

        other.answers["getForgotten"] = late
        async with trio.open_nursery() as nursery:
            for each in nodes.members:
                nursery.start_soon(Recovery(each.desk, each.world).sweep)
        (key,) = nodes.journal.documents_
        assert triggers(nodes).count(Trigger.RECOVERED) == 1
        assert nodes[0].types(key).count("SaveOffered") == 1
        assert nodes[0].types(key)[-2:] == ["Saved", "Closed"]


def operating(member: Member) -> Operating:
    spool = member.callbacks._spool
    return Operating(member.desk, member.world, member.door, spool, Trust(member.server))


async def test_a_node_that_stops_saves_what_it_looks_after(autojump_clock: MockClock) -> None:
    async with cluster(2) as nodes:
        await nodes.edited(on=0, to=0)
        await nodes.edited(on=0, to=1)
        before = nodes.asked("forcesave")
        assert (await drain(nodes[0].desk, nodes[0].world, 10)).saved == 1
        assert [now - then for now, then in zip(nodes.asked("forcesave"), before, strict=True)] == [1, 0]


async def test_a_node_that_stops_waits_for_what_it_fetches(autojump_clock: MockClock) -> None:
    async with cluster(2) as nodes:
        row, key = await nodes.edited(on=0, to=1)

        nodes[0].server.results[URL] = slowly(b"typed", 5)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(nodes[0].callbacks.receive, saving(key, URL, 2))
            await trio.sleep(1)
            assert (await drain(nodes[0].desk, nodes[0].world, 10)).saved == 1
            assert len(await nodes.journal.versions(row.id)) == 2


async def test_an_operator_has_every_document_saved_whichever_node_is_asked(
    autojump_clock: MockClock,
) -> None:
    async with cluster(2) as nodes:
        keys = [(await nodes.edited(on=0, to=number % 2))[1] for number in range(4)]
        async with trio.open_nursery() as nursery:
            turn = iter(range(99))

            async def forcesave(key: str) -> int:
                """The server hands it over to either."""
                url = URL.format(key)
                member = nodes[next(turn) % 2]
                member.server.results[url] = f"typed in {key}".encode()
                nursery.start_soon(member.callbacks.receive, saving(key, url))
                return 0

            nodes[0].server.answers["forcesave"] = forcesave
            status = await operating(nodes[0]).status()
            assert (status.open_documents, status.unsaved) == (4, 4)
            drained = await operating(nodes[0]).drain(10, close=False)
            assert (drained.saved, drained.left) == (4, ())
            assert all("Forcesaved" in nodes[0].types(key) for key in keys)


async def test_nobody_is_told_that_a_door_is_shut_which_others_hold_open(autojump_clock: MockClock) -> None:
    async with cluster(2) as nodes:
        with pytest.raises(Forbidden, match="one after the other"):
            await operating(nodes[0]).drain(10, close=True)
        assert not nodes[0].door.shut
