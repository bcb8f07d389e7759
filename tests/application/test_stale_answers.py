"""What a node remembers may be behind the log: no answer is given from that, even if it hears of nobody."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import trio
from trio.testing import MockClock

from application.callbacks import Fate
from application.opening import SavingInProgress
from application.server_errands import ask_info
from domain import events
from domain.commands import CommitOffer, NoteLoaded
from domain.words import CloseReason, Standing
from tests.application.cluster import Cluster, Unfollowed, cluster
from tests.application.conftest import ADA, BOB, callback, now, saving

URL = "http://ds/cache/files/data/k_{}/output.docx/output.docx?expires=99999999999"


@pytest.fixture
async def nodes(autojump_clock: MockClock) -> AsyncIterator[Cluster]:
    async with cluster(2, Unfollowed()) as nodes:
        yield nodes


async def known_to_both(nodes: Cluster) -> tuple[str, str]:
    """Edited by Ada, and both nodes know it."""
    row, key = await nodes.edited(on=0, to=0)
    await nodes[1].desk.ask(key)
    await trio.sleep(30)
    return row.id, key


def facts(nodes: Cluster, key: str) -> list[str]:
    return nodes[0].types(key)


async def test_a_closed_key_is_not_handed_out(nodes: Cluster, autojump_clock: MockClock) -> None:
    file, key = await known_to_both(nodes)
    nodes[1].server.results[URL.format(1)] = b"typed"
    assert await nodes[1].callbacks.receive(saving(key, URL.format(1), 2)) is Fate.DONE
    opening = await nodes[0].door.open(file, ADA, "::1")
    assert opening.key != key
    assert opening.version == 2


async def test_a_key_closed_unchanged_elsewhere_is_let_in_to_anew(
    nodes: Cluster, autojump_clock: MockClock
) -> None:
    file, key = await known_to_both(nodes)
    await nodes[1].callbacks.receive(callback(key, 4))
    assert (await nodes[0].door.open(file, ADA, "::1")).key == key
    assert facts(nodes, key)[-3:] == ["Closed", "Reopened", "Admitted"]


async def test_who_comes_where_they_are_thought_to_be_opens_what_was_closed_elsewhere(
    nodes: Cluster,
    autojump_clock: MockClock,
) -> None:
    _, key = await known_to_both(nodes)
    await nodes[1].callbacks.receive(callback(key, 4))
    await nodes[0].callbacks.receive(callback(key, 1, users=["ada"]))
    assert facts(nodes, key)[-3:] == ["Closed", "Reopened", "Joined"]


async def test_who_leaves_where_nobody_is_thought_to_be_has_left(
    nodes: Cluster, autojump_clock: MockClock
) -> None:
    _, key = await known_to_both(nodes)
    await nodes[0].callbacks.receive(callback(key, 4))
    await nodes[1].callbacks.receive(callback(key, 1, users=["ada", "bob"]))
    await trio.sleep(20)
    await nodes[0].callbacks.receive(callback(key, 4))
    assert facts(nodes, key)[-1] == "Closed"


async def test_a_look_sees_what_was_recorded_elsewhere(nodes: Cluster, autojump_clock: MockClock) -> None:
    _, key = await known_to_both(nodes)
    await nodes[1].callbacks.receive(callback(key, 1, users=["bob"]))
    document = await nodes[0].desk.ask(key)
    assert document
    assert document.users == {"bob"}


async def test_whoever_waits_is_not_answered_from_what_was_so(
    nodes: Cluster, autojump_clock: MockClock
) -> None:
    _, key = await known_to_both(nodes)
    await nodes[1].callbacks.receive(callback(key, 1, users=["bob"]))
    seen = await nodes[0].desk.wait(key, lambda _: True)
    assert seen
    assert seen.users == {"bob"}


async def test_a_key_that_was_not_issued_when_it_was_asked_about_is_known_when_it_is(
    nodes: Cluster, autojump_clock: MockClock
) -> None:
    assert await nodes[1].desk.ask("nobodys") is None
    row = await nodes[0].file()
    key = (await nodes[0].door.open(row.id, ADA, "::1")).key
    for command in (None, CommitOffer(at=now(), offer="o", sha256="s", size=1)):
        assert await nodes[1].desk.ask(key, command)


async def test_the_same_offer_to_two_nodes_is_one_version_and_one_answer(
    nodes: Cluster, autojump_clock: MockClock
) -> None:
    file, key = await known_to_both(nodes)
    fates = []

    async def offer(number: int) -> None:
        fates.append(await nodes[number].callbacks.receive(saving(key, URL.format(1), 2)))

    async def slowly() -> bytes:
        await trio.sleep(0.1)
        return b"typed"

    for member in nodes.members:
        member.server.results[URL.format(1)] = slowly
    async with trio.open_nursery() as nursery:
        nursery.start_soon(offer, 0)
        nursery.start_soon(offer, 1)
    assert fates == [Fate.DONE, Fate.DONE]
    assert len(await nodes.journal.versions(file)) == 2
    assert facts(nodes, key).count("SaveOffered") == facts(nodes, key).count("Saved") == 1
    await trio.sleep(1000)
    assert len(nodes.journal.log) == len(nodes.journal.kept)
    assert [len(member.server.fetches) for member in nodes.members] == [1, 1]


async def test_a_repeat_of_what_another_node_has_stored_is_not_fetched(
    nodes: Cluster, autojump_clock: MockClock
) -> None:
    _, key = await known_to_both(nodes)
    nodes[1].server.results[URL.format(1)] = b"typed"
    await nodes[1].callbacks.receive(saving(key, URL.format(1), 2))
    assert await nodes[0].callbacks.receive(saving(key, URL.format(1), 2)) is Fate.DONE
    assert nodes[0].server.fetches == []


async def test_two_saves_through_two_nodes_are_two_versions_in_their_order(
    nodes: Cluster, autojump_clock: MockClock
) -> None:
    file, key = await known_to_both(nodes)
    for turn in range(6):
        url, node = URL.format(turn), nodes[turn % 2]
        node.server.results[url] = b"typed %d" % turn
        assert await node.callbacks.receive(saving(key, url)) is Fate.DONE
        await trio.sleep(2)
    versions = await nodes.journal.versions(file)
    assert [version.number for version in versions if version.head] == [1, 2, 3, 4, 5, 6, 7]


async def test_a_key_is_handed_out_whose_session_went_on_elsewhere(
    nodes: Cluster, autojump_clock: MockClock
) -> None:
    file, key = await known_to_both(nodes)
    await nodes[1].callbacks.receive(callback(key, 4))
    await nodes[1].callbacks.receive(callback(key, 1, users=["ada"]))
    assert (await nodes[0].door.open(file, BOB, "::2")).key == key
    row = await nodes.journal.file(file)
    assert row
    assert row.live == key


async def test_a_file_that_two_nodes_open_at_once_has_one_key_each_time(
    nodes: Cluster, autojump_clock: MockClock
) -> None:
    for turn in range(10):
        row = await nodes[0].file()
        keys = []

        async def open_(number: int, file: str = row.id, keys: list[str] = keys) -> None:
            opening = await nodes[number % 2].door.open(file, (ADA, BOB)[number % 2], f"::{number}")
            keys.append(opening.key)

        async with trio.open_nursery() as nursery:
            for number in range(6):
                nursery.start_soon(open_, number)
        assert len(set(keys)) == 1, turn


async def test_what_the_server_loads_counts_where_it_was_not_loaded(
    nodes: Cluster, autojump_clock: MockClock
) -> None:
    _, key = await known_to_both(nodes)
    await nodes[1].desk.ask(key, NoteLoaded(at=now(), version=7))
    await nodes[0].desk.ask(key, NoteLoaded(at=now(), version=1))
    assert facts(nodes, key)[-2:] == ["Reloaded", "Reloaded"]


async def test_a_session_that_goes_on_under_a_key_closed_elsewhere_is_detached_only_beside_another(
    nodes: Cluster,
    autojump_clock: MockClock,
) -> None:
    file, key = await known_to_both(nodes)
    nodes[1].server.results[URL.format(1)] = b"typed"
    await nodes[1].callbacks.receive(saving(key, URL.format(1), 2))
    await nodes[1].door.open(file, BOB, "::2")
    await nodes[0].callbacks.receive(callback(key, 1, users=["ada"]))
    reopened = nodes.journal.streams[f"document/{key}"][-2].event
    assert isinstance(reopened, events.Reopened)
    assert reopened.standing is Standing.DETACHED


async def test_with_one_node_nothing_is_asked_that_is_known(autojump_clock: MockClock) -> None:
    """The check costs a query for each letter, so it is for clusters alone."""
    async with cluster(1, Unfollowed()) as nodes:
        nodes[0].nodes.several = False
        _, key = await known_alone(nodes)

        async def asked(_: str) -> int:
            raise AssertionError("there is nobody else")

        nodes.journal.document_version = asked  # type: ignore[method-assign]
        assert await nodes[0].desk.ask(key)
        await nodes[0].callbacks.receive(callback(key, 1, users=["ada"]))


async def known_alone(nodes: Cluster) -> tuple[str, str]:
    row, key = await nodes.edited(on=0, to=0)
    return row.id, key


async def test_a_status_4_closes_though_others_record_at_the_same_time(
    nodes: Cluster, autojump_clock: MockClock
) -> None:
    _, key = await known_to_both(nodes)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(nodes[0].callbacks.receive, callback(key, 4))
        nursery.start_soon(nodes[1].callbacks.receive, callback(key, 4))
    closed = [
        fact.event
        for fact in nodes.journal.streams[f"document/{key}"]
        if isinstance(fact.event, events.Closed)
    ]
    assert [event.reason for event in closed] == [CloseReason.UNCHANGED]


@pytest.mark.parametrize("word", ["open", "callback", "unknown"])
async def test_after_an_outage_nodes_have_time_to_record_what_they_have_laid_aside(
    word: str, autojump_clock: MockClock
) -> None:
    """Until then nobody knows what the session has come to: that is on another node's disk."""
    async with cluster(2) as nodes:
        row, key = await nodes.edited(on=0, to=0)
        nodes[1].server.results[URL.format(1)] = b"typed while the journal was down"
        await trio.sleep(60)
        nodes.journal.failing = True
        nodes.journal.stir()
        with trio.move_on_after(7):  # between two attempts to record it
            await nodes[1].callbacks.receive(saving(key, URL.format(1), 2))
        nodes.journal.failing = False
        await trio.sleep(1.5)
        assert nodes[1].sidecars.kept
        if word == "open":
            with pytest.raises(SavingInProgress):
                await nodes[0].door.open(row.id, BOB, "::2")
        elif word == "callback":
            await nodes[0].callbacks.receive(callback(key, 4))
        else:
            nodes[0].server.answers["info"] = 1
            await ask_info(key, nodes[0].world, nodes[0].desk._actor(key))
        assert "Closed" not in facts(nodes, key)
        await trio.sleep(12)
        assert facts(nodes, key)[-3:] == ["SaveOffered", "Saved", "Closed"]
        assert (await nodes[0].door.open(row.id, BOB, "::2")).version == 2
