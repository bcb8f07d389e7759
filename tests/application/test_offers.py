"""Offered bytes become versions, whatever fails on the way."""

from __future__ import annotations

from itertools import pairwise

import pytest
import trio
from trio.testing import MockClock

from application.callbacks import Fate
from application.ports import DownloadFailed, DownloadGone, StorageFailed
from domain import events
from domain.words import Next, Source, Trigger
from tests.application.conftest import ADA, BOB, FakeServer, Stage, callback, life, now, saving, slowly
from tests.fake_journal import FakeJournal
from tests.fakes import FakeBlobs, FakeSidecars

FOR_EVER = "md5=x&expires=99999999999"
URL = f"http://ds/cache/files/data/k_1/output.docx/output.docx?{FOR_EVER}"
OTHER = f"http://ds/cache/files/data/k_2/output.docx/output.docx?{FOR_EVER}"


async def edited(stage: Stage) -> tuple[str, str]:
    row = await stage.file()
    key = (await stage.door.open(row.id, ADA, "::1")).key
    await stage.callbacks.receive(callback(key, 1, users=["ada"]))
    return row.id, key


def expiring(seconds: float) -> str:
    return (
        f"http://ds/cache/files/data/k_1/output.docx/output.docx?expires={int(now().timestamp() + seconds)}"
    )


async def test_a_forcesave_is_a_version_before_it_is_acknowledged(
    stage: Stage, autojump_clock: MockClock
) -> None:
    file, key = await edited(stage)
    stage.server.results[URL] = b"first words"
    assert await stage.callbacks.receive(saving(key, URL, forcesavetype=1)) is Fate.DONE
    version = (await stage.journal.versions(file))[-1]
    assert (version.number, version.trigger, version.head) == (2, Trigger.BUTTON, True)
    assert stage.blobs.stored[version.sha256] == b"first words"


async def test_a_final_closes_the_document_and_the_next_one_gets_a_new_key(
    stage: Stage, autojump_clock: MockClock
) -> None:
    file, key = await edited(stage)
    stage.server.results[URL] = b"last words"
    assert await stage.callbacks.receive(saving(key, URL, 2)) is Fate.DONE
    assert stage.types(key)[-3:] == ["SaveOffered", "Saved", "Closed"]
    opening = await stage.door.open(file, BOB, "::2")
    assert opening.key != key
    assert opening.version == 2


async def test_a_repeat_gets_the_same_answer_and_is_not_fetched(
    stage: Stage, autojump_clock: MockClock
) -> None:
    _, key = await edited(stage)
    stage.server.results[URL] = b"words"
    claims = saving(key, URL)
    answers = [await stage.callbacks.receive(claims) for _ in range(3)]
    assert answers == [Fate.DONE] * 3
    assert len(stage.server.fetches) == 1


async def test_two_offers_are_fetched_side_by_side(stage: Stage, autojump_clock: MockClock) -> None:
    file, key = await edited(stage)
    stage.server.results |= {URL: slowly(b"first", 20), OTHER: b"second"}
    fates: list[Fate] = []

    async def receive(url: str) -> None:
        fates.append(await stage.callbacks.receive(saving(key, url)))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(receive, URL)
        await trio.sleep(5)
        nursery.start_soon(receive, OTHER)
    assert fates == [Fate.DONE, Fate.DONE]
    row = await stage.journal.file(file)
    assert row
    assert stage.blobs.stored[row.file.sha256] == b"second", "the later change is the head"
    assert row.file.last == 3, "the beaten save is kept"


async def test_a_failed_fetch_is_retried_with_growing_pauses_and_the_callback_waits(
    stage: Stage, autojump_clock: MockClock
) -> None:
    _, key = await edited(stage)
    turns = iter([DownloadFailed("cut"), DownloadFailed("cut"), DownloadFailed("cut"), b"whole"])

    async def in_turn() -> object:
        return next(turns)

    stage.server.results[URL] = in_turn
    assert await stage.callbacks.receive(saving(key, URL)) is Fate.DONE
    moments = [when for _, when in stage.server.fetches]
    assert [round(b - a) for a, b in pairwise(moments)] == [1, 2, 4]
    assert stage.types(key)[-3:] == ["SaveOffered", "Errored", "Forcesaved"], "one fact for all retries"


async def test_a_callback_is_answered_when_its_budget_is_spent_and_the_fetch_goes_on(
    stage: Stage, autojump_clock: MockClock
) -> None:
    file, key = await edited(stage)
    stage.server.results[URL] = DownloadFailed("down")
    before = trio.current_time()
    assert await stage.callbacks.receive(saving(key, URL)) is Fate.UNSAFE
    assert trio.current_time() - before == pytest.approx(120)
    stage.server.results[URL] = b"back again"
    await trio.sleep(120)
    assert (await stage.journal.versions(file))[-1].number == 2


async def test_an_offer_is_given_up_when_its_url_has_died(stage: Stage, autojump_clock: MockClock) -> None:
    _, key = await edited(stage)
    url = expiring(900)
    stage.server.results[url] = DownloadFailed("down")
    await stage.callbacks.receive(saving(key, url))
    await trio.sleep(1000)
    last = [event for _, _, event in stage.journal.log if isinstance(event, events.Errored)][-1]
    assert (last.next, last.source) == (Next.GIVE_UP, Source.DOWNLOAD)
    fetches = len(stage.server.fetches)
    await trio.sleep(3600)
    assert len(stage.server.fetches) == fetches


async def test_a_server_whose_clock_is_behind_is_given_as_much_time(
    stage: Stage, autojump_clock: MockClock
) -> None:
    file, key = await edited(stage)
    url = expiring(-3600)
    stage.server.results[url] = DownloadFailed("down")
    await stage.callbacks.receive(saving(key, url))
    stage.server.results[url] = b"words"
    await trio.sleep(120)
    assert len(await stage.journal.versions(file)) == 2


async def test_a_final_that_is_given_up_leaves_the_file_to_a_new_key(
    stage: Stage, autojump_clock: MockClock
) -> None:
    file, key = await edited(stage)
    url = expiring(900)
    stage.server.results[url] = DownloadFailed("down")
    await stage.callbacks.receive(saving(key, url, 2))
    await trio.sleep(1000)
    assert stage.types(key)[-1] == "Closed"
    assert (await stage.door.open(file, BOB, "::2")).key != key


async def test_a_dead_url_is_tried_for_a_minute(stage: Stage, autojump_clock: MockClock) -> None:
    _, key = await edited(stage)
    stage.server.results[URL] = DownloadGone("410")
    assert await stage.callbacks.receive(saving(key, URL)) is Fate.UNSAFE
    assert [when - stage.server.fetches[0][1] for _, when in stage.server.fetches][-1] == pytest.approx(
        63, abs=1
    )


async def test_one_refusal_after_a_long_outage_is_not_the_end(
    stage: Stage, autojump_clock: MockClock
) -> None:
    file, key = await edited(stage)
    turns = iter([*[DownloadFailed("down")] * 7, DownloadGone("404 of a proxy"), b"words"])

    async def in_turn() -> object:
        return next(turns)

    stage.server.results[URL] = in_turn
    await stage.callbacks.receive(saving(key, URL))
    await trio.sleep(300)
    assert len(await stage.journal.versions(file)) == 2


async def test_a_repeat_with_a_fresh_url_wakes_a_waiting_fetch(
    stage: Stage, autojump_clock: MockClock
) -> None:
    _, key = await edited(stage)
    stage.server.results[URL] = DownloadFailed("signature")
    fresh = URL.replace("md5=x", "md5=y")
    stage.server.results[fresh] = b"words"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stage.callbacks.receive, saving(key, URL))
        await trio.sleep(40)
        before = trio.current_time()
        assert await stage.callbacks.receive(saving(key, fresh)) is Fate.DONE
        assert trio.current_time() - before < 1


async def test_what_is_no_document_is_fetched_once_more_and_then_quarantined(
    stage: Stage, autojump_clock: MockClock
) -> None:
    file, key = await edited(stage)
    stage.server.results[URL] = b"EVIL bytes"
    assert await stage.callbacks.receive(saving(key, URL)) is Fate.QUARANTINED
    assert len(stage.server.fetches) == 2
    (note,) = stage.blobs.notes.values()
    assert note["key"] == key
    assert len(await stage.journal.versions(file)) == 1
    assert await stage.callbacks.receive(saving(key, URL)) is Fate.QUARANTINED
    assert len(stage.server.fetches) == 2


async def test_bytes_garbled_on_the_way_once_are_stored(stage: Stage, autojump_clock: MockClock) -> None:
    file, key = await edited(stage)
    turns = iter([b"EVIL garbled", b"words"])

    async def in_turn() -> bytes:
        return next(turns)

    stage.server.results[URL] = in_turn
    assert await stage.callbacks.receive(saving(key, URL)) is Fate.DONE
    assert len(await stage.journal.versions(file)) == 2


async def test_a_full_disk_is_waited_out(stage: Stage, autojump_clock: MockClock) -> None:
    file, key = await edited(stage)
    turns = iter([StorageFailed("no space left"), StorageFailed("no space left"), b"words"])

    async def in_turn() -> object:
        return next(turns)

    stage.server.results[URL] = in_turn
    assert await stage.callbacks.receive(saving(key, URL)) is Fate.DONE
    assert len(await stage.journal.versions(file)) == 2


async def test_a_failing_journal_is_waited_out(stage: Stage, autojump_clock: MockClock) -> None:
    file, key = await edited(stage)
    stage.server.results[URL] = b"words"
    stage.journal.failing = True
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stage.callbacks.receive, saving(key, URL))
        await trio.sleep(30)
        stage.journal.failing = False
    assert len(await stage.journal.versions(file)) == 2


async def test_a_journal_that_fails_at_the_commit_is_tried_again(
    stage: Stage, autojump_clock: MockClock
) -> None:
    file, key = await edited(stage)

    async def and_then_fail() -> bytes:
        stage.journal.failing = True
        return b"words"

    stage.server.results[URL] = and_then_fail
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stage.callbacks.receive, saving(key, URL))
        await trio.sleep(5)
        stage.server.results[URL] = b"words"
        stage.journal.failing = False
    assert len(await stage.journal.versions(file)) == 2


async def test_a_status_1_is_answered_within_two_seconds_though_the_journal_fails(
    stage: Stage, autojump_clock: MockClock
) -> None:
    _, key = await edited(stage)
    stage.journal.failing = True
    before = trio.current_time()
    assert await stage.callbacks.receive(callback(key, 1, users=["ada", "bob"])) is Fate.DONE
    assert trio.current_time() - before <= 2


async def test_the_bytes_of_an_unknown_key_are_kept_in_quarantine(
    stage: Stage, autojump_clock: MockClock
) -> None:
    stage.server.results[URL] = b"words of another life"
    assert await stage.callbacks.receive(saving("never-issued", URL, 2)) is Fate.UNKNOWN_KEY
    (note,) = stage.blobs.notes.values()
    assert note["key"] == "never-issued"


async def test_an_unfinished_offer_is_fetched_after_a_restart(
    journal: FakeJournal,
    blobs: FakeBlobs,
    server: FakeServer,
    sidecars: FakeSidecars,
    autojump_clock: MockClock,
) -> None:
    server.results[URL] = DownloadFailed("down")
    async with life(journal, blobs, server, sidecars) as first:
        file, key = await edited(first)
        with trio.move_on_after(10):
            await first.callbacks.receive(saving(key, URL, 2))
    server.results[URL] = b"words"
    async with life(journal, blobs, server, sidecars) as second:
        assert await second.desk.take_up() == 1
        await trio.sleep(1)
        assert len(await journal.versions(file)) == 2
        assert second.types(key)[-1] == "Closed"
