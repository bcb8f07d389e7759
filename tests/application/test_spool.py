"""The journal fails while the server hands over its bytes: they are safe first and recorded later."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from application.callbacks import Fate
from application.opening import SavingInProgress
from application.ports import Answer, DownloadFailed, DownloadGone
from application.server_errands import ask_info
from tests.application.conftest import ADA, BOB, FakeServer, Stage, callback, life, saving, slowly
from tests.fake_journal import FakeJournal
from tests.fakes import FakeBlobs, FakeSidecars

NAMED = "http://ds/cache/files/data/k_{}/output.docx/output.docx?md5=x&expires=99999999999"
URL = NAMED.format(1)
WORDS = b"typed while the journal was down"


async def edited(stage: Stage) -> tuple[str, str]:
    row = await stage.file()
    key = (await stage.door.open(row.id, ADA, "::1")).key
    await stage.callbacks.receive(callback(key, 1, users=["ada"]))
    stage.server.results[URL] = WORDS
    return row.id, key


async def test_an_offer_that_cannot_be_recorded_is_fetched_and_kept_with_a_sidecar(
    stage: Stage, autojump_clock: MockClock
) -> None:
    _, key = await edited(stage)
    stage.journal.failing = True
    assert await stage.callbacks.receive(saving(key, URL)) is Fate.UNSAFE
    (sidecar,) = stage.sidecars.kept.values()
    assert (sidecar.key, sidecar.offer.url) == (key, URL)
    assert sidecar.stored
    assert stage.blobs.stored[sidecar.stored.sha256] == WORDS
    assert len(stage.server.fetches) == 1, "while it waits for the journal it fetches once"


async def test_a_repeat_whose_url_is_dead_forgets_nothing_of_what_is_safe(
    stage: Stage, autojump_clock: MockClock
) -> None:
    """Refused for the journal's sake, the server offers it again; by then its url may be gone."""
    file, key = await edited(stage)
    stage.journal.failing = True
    assert await stage.callbacks.receive(saving(key, URL, 2)) is Fate.UNSAFE
    stage.server.results[URL] = DownloadGone("404")
    assert await stage.callbacks.receive(saving(key, URL, 2)) is Fate.UNSAFE
    await trio.sleep(3600)
    (sidecar,) = stage.sidecars.kept.values()
    assert sidecar.stored
    stage.journal.failing = False
    await trio.sleep(60)
    versions = await stage.journal.versions(file)
    assert stage.blobs.stored[versions[-1].sha256] == WORDS


async def test_a_journal_that_hangs_for_longer_than_a_callback_may_take_keeps_no_bytes_from_safety(
    stage: Stage, autojump_clock: MockClock
) -> None:
    file, key = await edited(stage)
    stage.journal.hanging = 600
    assert await stage.callbacks.receive(saving(key, URL, 2)) is Fate.UNSAFE
    (sidecar,) = stage.sidecars.kept.values()
    assert stage.blobs.stored[sidecar.stored.sha256] == WORDS
    stage.journal.hanging = 0
    await trio.sleep(3600)
    assert len(await stage.journal.versions(file)) == 2
    assert not stage.sidecars.kept


async def test_a_healthy_journal_leaves_no_sidecar_however_slow_the_download(
    stage: Stage, autojump_clock: MockClock
) -> None:
    _, key = await edited(stage)

    stage.server.results[URL] = slowly(WORDS, 30)
    assert await stage.callbacks.receive(saving(key, URL, 2)) is Fate.DONE
    assert len(stage.server.fetches) == 1


@pytest.mark.parametrize("status", [2, 6])
async def test_it_becomes_a_version_when_the_journal_is_back_though_its_url_is_dead(
    stage: Stage, autojump_clock: MockClock, status: int
) -> None:
    file, key = await edited(stage)
    stage.journal.failing = True
    assert await stage.callbacks.receive(saving(key, URL, status)) is Fate.UNSAFE
    stage.server.results[URL] = DownloadGone("410")
    await trio.sleep(300)
    stage.journal.failing = False
    await trio.sleep(10)
    version = (await stage.journal.versions(file))[-1]
    assert stage.blobs.stored[version.sha256] == WORDS
    assert version.head
    assert not stage.sidecars.kept
    tail = ["SaveOffered", "Saved", "Closed"] if status == 2 else ["SaveOffered", "Forcesaved"]
    assert stage.types(key)[-len(tail) :] == tail


async def test_it_survives_a_kill_before_the_journal_is_back(
    journal: FakeJournal,
    blobs: FakeBlobs,
    server: FakeServer,
    sidecars: FakeSidecars,
    autojump_clock: MockClock,
) -> None:
    async with life(journal, blobs, server, sidecars) as first:
        file, key = await edited(first)
        journal.failing = True
        assert await first.callbacks.receive(saving(key, URL, 2)) is Fate.UNSAFE
    server.results[URL] = DownloadGone("410")
    async with life(journal, blobs, server, sidecars) as second:
        await trio.sleep(60)
        assert sidecars.kept
        journal.failing = False
        await trio.sleep(10)
        version = (await journal.versions(file))[-1]
        assert blobs.stored[version.sha256] == WORDS
        assert second.types(key)[-1] == "Closed"
        assert not sidecars.kept


@pytest.mark.parametrize("status", [2, 6])
async def test_an_offer_that_was_neither_recorded_nor_fetched_is_fetched_in_the_next_life(
    journal: FakeJournal,
    blobs: FakeBlobs,
    server: FakeServer,
    sidecars: FakeSidecars,
    autojump_clock: MockClock,
    status: int,
) -> None:
    async with life(journal, blobs, server, sidecars) as first:
        file, key = await edited(first)
        journal.failing = True
        server.results[URL] = DownloadFailed("down")
        assert await first.callbacks.receive(saving(key, URL, status)) is Fate.UNSAFE
    server.results[URL] = WORDS
    async with life(journal, blobs, server, sidecars):
        await trio.sleep(60)
        (sidecar,) = sidecars.kept.values()
        assert sidecar.stored, "fetched though the journal still fails"
        server.results[URL] = DownloadGone("410")
        journal.failing = False
        await trio.sleep(10)
        version = (await journal.versions(file))[-1]
        assert blobs.stored[version.sha256] == WORDS
        assert not sidecars.kept


async def test_an_offer_past_hope_leaves_no_sidecar(stage: Stage, autojump_clock: MockClock) -> None:
    _, key = await edited(stage)
    stage.journal.failing = True
    stage.server.results[URL] = DownloadGone("410")
    assert await stage.callbacks.receive(saving(key, URL)) is Fate.UNSAFE
    await trio.sleep(60)
    assert not stage.sidecars.kept


async def test_a_save_that_was_recorded_and_could_not_be_committed_survives_a_kill(
    journal: FakeJournal,
    blobs: FakeBlobs,
    server: FakeServer,
    sidecars: FakeSidecars,
    autojump_clock: MockClock,
) -> None:
    async with life(journal, blobs, server, sidecars) as first:
        file, key = await edited(first)

        async def slow() -> bytes:
            journal.failing = True
            return WORDS

        server.results[URL] = slow
        assert await first.callbacks.receive(saving(key, URL)) is Fate.UNSAFE
        assert first.types(key)[-1] == "SaveOffered"
    server.results[URL] = DownloadGone("410")
    journal.failing = False
    async with life(journal, blobs, server, sidecars) as second:
        await second.desk.take_up()
        await trio.sleep(60)
        version = (await journal.versions(file))[-1]
        assert blobs.stored[version.sha256] == WORDS
        assert not sidecars.kept


@pytest.mark.parametrize("word", ["callback", "info", "unknown"])
async def test_nobody_closes_a_document_whose_last_save_waits_to_be_recorded(
    stage: Stage, autojump_clock: MockClock, word: str
) -> None:
    file, key = await edited(stage)
    stage.journal.failing = True
    with trio.move_on_after(7):  # between two attempts to record it
        await stage.callbacks.receive(saving(key, URL, 2))
    stage.journal.failing = False
    if word == "callback":
        assert await stage.callbacks.receive(callback(key, 4)) is Fate.DONE
    else:
        users = {"info": Answer(0, {"error": 0, "users": []}), "unknown": Answer(1, {"error": 1})}
        stage.server.answers["info"] = users[word]
        actor = stage.desk._actor(key)
        await ask_info(key, stage.world, actor)
    assert "Closed" not in stage.types(key)
    await trio.sleep(10)
    assert stage.types(key)[-3:] == ["SaveOffered", "Saved", "Closed"]
    assert (await stage.journal.versions(file))[-1].head


@pytest.mark.parametrize("status", [2, 6])
async def test_nobody_is_let_in_on_a_text_whose_newer_save_waits_to_be_recorded(
    stage: Stage, autojump_clock: MockClock, status: int
) -> None:
    file, key = await edited(stage)
    stage.journal.failing = True
    with trio.move_on_after(7):
        await stage.callbacks.receive(saving(key, URL, status))
    stage.journal.failing = False
    with pytest.raises(SavingInProgress):
        await stage.door.open(file, BOB, "::2")
    await trio.sleep(10)
    assert (await stage.door.open(file, BOB, "::2")).version == 2


async def test_a_sidecar_that_cannot_be_removed_keeps_nobody_out_for_longer_than_it_must(
    stage: Stage, autojump_clock: MockClock
) -> None:
    file, key = await edited(stage)

    async def once() -> bytes:
        stage.journal.failing = True
        return WORDS

    stage.server.results[URL] = once
    with trio.move_on_after(3):
        await stage.callbacks.receive(saving(key, URL))
    stage.journal.failing, stage.sidecars.broken = False, "no space left on device"
    await trio.sleep(30)
    assert len(await stage.journal.versions(file)) == 2
    stage.sidecars.broken = ""
    await trio.sleep(61)
    assert not stage.sidecars.kept


async def test_what_is_safe_is_not_fetched_again_while_the_journal_fails(
    stage: Stage, autojump_clock: MockClock
) -> None:
    file, key = await edited(stage)

    async def once() -> bytes:
        stage.journal.failing = True
        stage.server.results[URL] = DownloadGone("410")
        return WORDS

    stage.server.results[URL] = once
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stage.callbacks.receive, saving(key, URL))
        await trio.sleep(1)
        stage.journal.failing = False
        await trio.sleep(30)
    assert len(await stage.journal.versions(file)) == 2
    assert not stage.sidecars.kept


async def test_a_repeat_that_is_recorded_first_makes_no_second_version(
    stage: Stage, autojump_clock: MockClock
) -> None:
    file, key = await edited(stage)
    stage.journal.failing = True
    await stage.callbacks.receive(saving(key, URL, 2))
    stage.journal.failing = False
    assert await stage.callbacks.receive(saving(key, URL, 2)) is Fate.DONE
    await trio.sleep(60)
    assert len(await stage.journal.versions(file)) == 2
    assert stage.types(key).count("Saved") == 1
    assert not stage.sidecars.kept


async def test_bytes_that_came_while_the_disk_was_full_too_are_fetched_until_it_is_not(
    stage: Stage, autojump_clock: MockClock
) -> None:
    file, key = await edited(stage)
    stage.journal.failing = True
    stage.blobs.broken = stage.sidecars.broken = "no space left on device"
    assert await stage.callbacks.receive(saving(key, URL)) is Fate.UNSAFE
    stage.blobs.broken = ""
    await trio.sleep(120)
    stage.sidecars.broken = ""
    await trio.sleep(120)
    stage.journal.failing = False
    await trio.sleep(10)
    assert len(await stage.journal.versions(file)) == 2


async def test_bytes_for_an_unknown_key_are_in_quarantine_before_the_answer_and_leave_no_sidecar(
    stage: Stage, autojump_clock: MockClock
) -> None:
    turns = [DownloadGone("404"), DownloadGone("404"), WORDS]

    async def third() -> object:
        return turns.pop(0)

    stage.server.results[URL] = third
    assert await stage.callbacks.receive(saving("never-issued", URL, 2)) is Fate.UNKNOWN_KEY
    (note,) = stage.blobs.notes.values()
    assert (note["key"], note["reason"]) == ("never-issued", "unknown key")
    assert not stage.sidecars.kept


async def test_with_a_failing_journal_a_status_3_is_never_said_to_be_fine(
    stage: Stage, autojump_clock: MockClock
) -> None:
    _, key = await edited(stage)
    stage.journal.failing = True
    assert await stage.callbacks.receive(callback(key, 3, users=["ada"])) is Fate.LOST
    assert await stage.callbacks.receive(callback(key, 1, users=["ada"])) is Fate.DONE


async def test_a_kept_save_that_a_later_one_has_overtaken_is_a_version_and_not_the_head(
    stage: Stage, autojump_clock: MockClock
) -> None:
    file, key = await edited(stage)
    stage.journal.failing = True
    with trio.move_on_after(7):  # between two attempts to record it
        await stage.callbacks.receive(saving(key, URL))
    stage.journal.failing = False
    late = NAMED.format(2)
    stage.server.results[late] = b"later words"
    assert await stage.callbacks.receive(saving(key, late)) is Fate.DONE
    await trio.sleep(20)
    versions = {stage.blobs.stored[v.sha256]: v.head for v in await stage.journal.versions(file)}
    assert versions == {b"original": True, b"later words": True, WORDS: False}
