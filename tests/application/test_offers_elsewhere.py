"""The node that took a callback fetches what it offers; when it is gone, the document's own does."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from application.callbacks import Fate
from application.changes import Change
from application.journal import JournalFailed
from application.nodes import ALL
from application.ports import DownloadFailed, DownloadGone
from tests.application.cluster import Cluster, cluster
from tests.application.conftest import saving, slowly
from tests.fake_journal import FakeJournal

PATH = "http://ds/cache/files/data/k_1/output.docx/output.docx"
URL = f"{PATH}?expires=99999999999"
FRESH = f"{PATH}?md5=again&expires=99999999999"


async def never() -> bytes:
    await trio.sleep_forever()
    raise AssertionError("it sleeps for ever")


def fetched(nodes: Cluster) -> list[int]:
    return [len(member.server.fetches) for member in nodes.members]


async def versions(nodes: Cluster, file: str) -> int:
    return len(await nodes.journal.versions(file))


async def test_the_node_that_took_it_fetches_it_and_the_owner_does_not(autojump_clock: MockClock) -> None:
    async with cluster(3) as nodes:
        row, key = await nodes.edited(on=0, to=1)

        nodes[2].server.results[URL] = slowly(b"typed", 100)
        assert await nodes[2].callbacks.receive(saving(key, URL)) is Fate.DONE
        assert fetched(nodes) == [0, 0, 1]
        assert await versions(nodes, row.id) == 2


async def test_the_owner_fetches_what_a_dead_node_has_taken_once_nobody_waits_for_it_any_more(
    autojump_clock: MockClock,
) -> None:
    async with cluster(3) as nodes:
        row, key = await nodes.edited(on=0, to=1)
        nodes[2].server.results[URL] = never
        nodes[1].server.results[URL] = b"typed"
        async with trio.open_nursery() as nursery:
            nursery.start_soon(nodes[2].callbacks.receive, saving(key, URL, 2))
            offered = trio.current_time()
            await trio.sleep(1)
            nodes[2].kill()
            nursery.cancel_scope.cancel()
        await trio.sleep_until(offered + 119)
        assert fetched(nodes) == [0, 0, 1]
        await trio.sleep_until(offered + 121)
        assert fetched(nodes) == [0, 1, 1]
        assert await versions(nodes, row.id) == 2
        assert nodes[0].types(key)[-1] == "Closed"


async def test_who_is_alone_fetches_it_at_once(autojump_clock: MockClock) -> None:
    async with cluster(2) as nodes:
        row, key = await nodes.edited(on=0, to=0)
        nodes[0].server.results[URL] = never
        nodes[1].server.results[URL] = b"typed"
        async with trio.open_nursery() as nursery:
            nursery.start_soon(nodes[0].callbacks.receive, saving(key, URL, 2))
            await trio.sleep(1)
            nodes[0].kill()
            nursery.cancel_scope.cancel()
        nodes[1].nodes.others = 0
        nodes[1].nodes.deal(ALL)
        await trio.sleep(1)
        assert await versions(nodes, row.id) == 2


async def test_a_new_owner_fetches_what_was_offered_long_before(autojump_clock: MockClock) -> None:
    async with cluster(3) as nodes:
        row, key = await nodes.edited(on=0, to=0)
        nodes[0].server.results[URL] = never
        nodes[1].server.results[URL] = b"typed"
        with trio.move_on_after(125):
            await nodes[0].callbacks.receive(saving(key, URL, 2))
            await trio.sleep_forever()
        nodes[0].kill()
        nodes[1].nodes.deal(ALL)
        await trio.sleep(1)
        assert await versions(nodes, row.id) == 2


async def test_a_repeat_is_fetched_where_it_comes_at_once_and_with_its_url(autojump_clock: MockClock) -> None:
    """The server repeats a final whose connection broke: the first node is gone, or cut off."""
    async with cluster(3) as nodes:
        row, key = await nodes.edited(on=0, to=1)
        nodes[0].server.results[URL] = never
        nodes[2].server.results |= {URL: DownloadGone("HTTP 410"), FRESH: b"typed"}
        async with trio.open_nursery() as nursery:
            nursery.start_soon(nodes[0].callbacks.receive, saving(key, URL, 2))
            await trio.sleep(1)
            began = trio.current_time()
            assert await nodes[2].callbacks.receive(saving(key, FRESH, 2)) is Fate.DONE
            assert trio.current_time() - began < 1
            nursery.cancel_scope.cancel()
        assert await versions(nodes, row.id) == 2
        assert fetched(nodes)[1] == 0


async def test_the_other_fetch_of_a_stored_offer_ends_quietly(autojump_clock: MockClock) -> None:
    async with cluster(2) as nodes:
        row, key = await nodes.edited(on=0, to=1)
        nodes[0].server.results[URL] = DownloadFailed("reset")
        nodes[1].server.results[URL] = b"typed"
        async with trio.open_nursery() as nursery:
            nursery.start_soon(nodes[0].callbacks.receive, saving(key, URL, 2))
            await trio.sleep(10)
            assert await nodes[1].callbacks.receive(saving(key, URL, 2)) is Fate.DONE
        tries, _ = fetched(nodes)
        recorded = nodes[0].types(key)
        await trio.sleep(160)
        assert await versions(nodes, row.id) == 2
        assert fetched(nodes)[0] <= tries + 1
        assert nodes[0].types(key) == recorded
        assert len(nodes[0].desk) == 0, "nothing is under way any more"


async def test_bytes_that_one_node_has_are_stored_though_another_has_given_up(
    autojump_clock: MockClock,
) -> None:
    async with cluster(2) as nodes:
        row, key = await nodes.edited(on=0, to=1)

        async def late() -> bytes:
            await trio.sleep(300)
            return b"typed"

        nodes[0].server.results[URL] = late
        nodes[1].server.results[URL] = DownloadGone("HTTP 410")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(nodes[0].callbacks.receive, saving(key, URL, 2))
            await trio.sleep(5)
            assert await nodes[1].callbacks.receive(saving(key, URL, 2)) is Fate.UNSAFE
        assert nodes[0].types(key)[-2:] == ["Errored", "Closed"]
        await trio.sleep(300)
        assert await versions(nodes, row.id) == 2
        assert nodes[0].types(key)[-4:] == ["Reopened", "SaveOffered", "Saved", "Closed"]


async def test_a_fetch_goes_on_when_the_document_becomes_another_nodes(autojump_clock: MockClock) -> None:
    async with cluster(2) as nodes:
        row, key = await nodes.edited(on=0, to=0)

        nodes[0].server.results[URL] = slowly(b"typed", 90)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(nodes[0].callbacks.receive, saving(key, URL, 2))
            await trio.sleep(5)
            nodes.give(key, to=1)
        assert await versions(nodes, row.id) == 2
        assert fetched(nodes) == [1, 0]


@pytest.mark.parametrize("failing", [False, True])
async def test_a_callback_is_answered_when_another_node_has_stored_what_it_offers(
    failing: bool, autojump_clock: MockClock
) -> None:
    async with cluster(3) as nodes:
        _, key = await nodes.edited(on=0, to=1)
        nodes[0].server.results[URL] = DownloadFailed("reset")
        nodes[2].server.results[URL] = DownloadFailed("reset") if failing else b"typed"
        fates = []

        async def offer() -> None:
            fates.append(await nodes[0].callbacks.receive(saving(key, URL, 2)))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(offer)
            await trio.sleep(40)
            await nodes[2].callbacks.receive(saving(key, URL, 2))
        assert fates == [Fate.UNSAFE if failing else Fate.DONE]


async def test_an_offer_recorded_after_all_is_fetched_by_who_took_it(autojump_clock: MockClock) -> None:
    """The connection broke after COMMIT: the node finds its own offer in the log."""

    class Unsure(FakeJournal):
        unsure = False

        async def append(self, *changes: Change) -> None:
            await super().append(*changes)
            if self.unsure:
                self.unsure = False
                raise JournalFailed("the connection was lost after COMMIT")

    journal = Unsure()
    async with cluster(2, journal) as nodes:
        row, key = await nodes.edited(on=0, to=1)
        nodes[0].server.results[URL] = b"typed"
        journal.unsure = True
        began = trio.current_time()
        assert await nodes[0].callbacks.receive(saving(key, URL, 2)) is Fate.DONE
        assert trio.current_time() - began < 2
        assert await versions(nodes, row.id) == 2
