"""A server that gives Office Open XML for every file: its saves are converted back, and never lost for it."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from application.callbacks import Fate
from application.files import WrongType
from application.ports import ConversionFailed, DownloadFailed, ServerUnreachable
from application.repeating import repeat
from application.replacing import Replacing
from domain.words import Source, Trigger
from tests.application.conftest import ADA, FakeServer, Stage, callback, life, saving
from tests.fake_journal import FakeJournal
from tests.fakes import FakeBlobs, FakeSidecars

URL = "http://ds/cache/files/data/k_1/output.docx/output.docx?md5=x&expires=99999999999"
MADE = "http://ds/cache/files/data/conv_1/output.odt/output.odt?md5=y&expires=99999999999"


async def edited(stage: Stage) -> tuple[str, str]:
    row = await stage.file("plan.odt")
    key = (await stage.door.open(row.id, ADA, "::1")).key
    await stage.callbacks.receive(callback(key, 1, users=["ada"]))
    return row.id, key


def converts(stage: Stage) -> None:
    stage.server.results |= {URL: b"words as docx", MADE: b"words as odt"}
    stage.server.converted["docx>odt"] = MADE


async def head(stage: Stage, file: str) -> bytes:
    row = await stage.journal.file(file)
    assert row
    return stage.blobs.stored[row.file.sha256]


async def kept(stage: Stage, file: str) -> list[tuple[int, str, bool, bytes]]:
    rows = await stage.journal.versions(file)
    return [(row.number, row.filetype, row.head, stage.blobs.stored[row.sha256]) for row in rows[1:]]


async def test_a_result_of_another_type_is_kept_and_what_it_becomes_is_the_head(
    stage: Stage, autojump_clock: MockClock
) -> None:
    file, key = await edited(stage)
    converts(stage)
    assert await stage.callbacks.receive(saving(key, URL, 2, filetype="docx")) is Fate.DONE
    assert await kept(stage, file) == [
        (2, "docx", False, b"words as docx"),
        (3, "odt", True, b"words as odt"),
    ]
    ((url, filetype, outputtype, _),) = stage.server.conversions
    assert (url, filetype, outputtype) == (URL, "docx", "odt")
    assert repeat(stage.journal.kept).difference is None


async def test_what_cannot_be_converted_is_kept_beside_the_head_and_says_so(
    stage: Stage, autojump_clock: MockClock
) -> None:
    file, key = await edited(stage)
    for number, failure in enumerate((ConversionFailed(-3), ServerUnreachable("no answer"))):
        url = URL.replace("k_1", f"k_{number}")
        stage.server.results[url] = b"words as docx"
        stage.server.converted["docx>odt"] = failure
        assert await stage.callbacks.receive(saving(key, url, filetype="docx")) is Fate.DONE
    assert await kept(stage, file) == [(2, "docx", False, b"words as docx")]
    assert await head(stage, file) == b"original"
    row = await stage.journal.document(key)
    assert row
    assert row.trouble
    assert "could not be made odt" in row.trouble
    assert stage.types(key)[-2:] == ["Forcesaved", "Errored"]
    assert repeat(stage.journal.kept).difference is None


async def test_a_conversion_that_brings_no_document_counts_for_nothing(
    stage: Stage, autojump_clock: MockClock
) -> None:
    file, key = await edited(stage)
    converts(stage)
    for bad in (b"EVIL", DownloadFailed("cut")):
        stage.server.results[MADE] = bad
        url = f"{URL}&{len(stage.server.conversions)}".replace("k_1", f"k_{len(stage.server.conversions)}")
        stage.server.results[url] = f"words {len(stage.server.conversions)}".encode()
        assert await stage.callbacks.receive(saving(key, url, filetype="docx")) is Fate.DONE
    assert await head(stage, file) == b"original"
    assert len(await kept(stage, file)) == 2


async def test_a_save_does_not_wait_for_ever_to_be_converted(stage: Stage, autojump_clock: MockClock) -> None:
    file, key = await edited(stage)
    converts(stage)

    async def never() -> bytes:
        await trio.sleep_forever()
        raise AssertionError

    stage.server.results[MADE] = never
    began = trio.current_time()
    assert await stage.callbacks.receive(saving(key, URL, 2, filetype="docx")) is Fate.DONE
    assert trio.current_time() - began == stage.world.patience.converting
    assert stage.world.patience.converting < stage.world.patience.budget, "it is stored before the answer"
    assert await kept(stage, file) == [(2, "docx", False, b"words as docx")]


async def test_what_was_never_the_file_is_not_restored_over_it(
    stage: Stage, autojump_clock: MockClock
) -> None:
    file, key = await edited(stage)
    converts(stage)
    await stage.callbacks.receive(saving(key, URL, 2, filetype="docx"))
    with pytest.raises(WrongType, match="another type"):
        await stage.files.restore(file, 2, ADA)
    with pytest.raises(WrongType):
        await Replacing(stage.desk, stage.world, stage.files).restore(file, 2, ADA)
    assert (await stage.files.restore(file, 1, ADA)).file.head == 4
    assert await head(stage, file) == b"original"


async def test_a_submitted_form_and_a_result_of_the_right_type_are_taken_as_they_are(
    stage: Stage, autojump_clock: MockClock
) -> None:
    _, key = await edited(stage)
    converts(stage)
    await stage.callbacks.receive(saving(key, URL, filetype="docx", forcesavetype=3))
    stage.server.results[URL.replace("k_1", "k_2")] = b"words as odt"
    await stage.callbacks.receive(saving(key, URL.replace("k_1", "k_2"), filetype="odt"))
    assert stage.server.conversions == []


async def test_a_kill_while_it_is_converted_loses_nothing(
    journal: FakeJournal,
    blobs: FakeBlobs,
    server: FakeServer,
    sidecars: FakeSidecars,
    autojump_clock: MockClock,
) -> None:
    async with life(journal, blobs, server, sidecars) as stage:
        file, key = await edited(stage)
        converts(stage)
        slow = trio.Event()

        async def hangs() -> bytes:
            slow.set()
            await trio.sleep_forever()
            raise AssertionError

        server.results[MADE] = hangs
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stage.callbacks.receive, saving(key, URL, 2, filetype="docx"))
            await slow.wait()
            nursery.cancel_scope.cancel()
    server.results[MADE] = b"words as odt"
    async with life(journal, blobs, server, sidecars) as stage:
        await stage.desk.take_up()
        await stage.desk.wait(key, lambda document: not document.offers)
        assert await head(stage, file) == b"words as odt"
        assert [version[3] for version in await kept(stage, file)] == [b"words as docx", b"words as odt"]
        assert repeat(journal.kept).difference is None


async def test_the_original_waits_in_the_sidecar_too_when_the_journal_fails_right_then(
    stage: Stage, autojump_clock: MockClock
) -> None:
    file, key = await edited(stage)
    converts(stage)

    async def fails() -> bytes:
        stage.journal.failing = True
        return b"words as odt"

    stage.server.results[MADE] = fails
    assert await stage.callbacks.receive(saving(key, URL, 2, filetype="docx")) is Fate.UNSAFE
    (sidecar,) = stage.sidecars.kept.values()
    assert sidecar.stored
    assert sidecar.stored.original_sha256
    stage.journal.failing = False
    await stage.desk.wait(key, lambda document: not document.offers)
    assert await head(stage, file) == b"words as odt"
    assert [(v.trigger, v.head) for v in (await stage.journal.versions(file))[1:]] == [
        (Trigger.FINAL, False),
        (Trigger.FINAL, True),
    ]
    errors = [event for _, _, event in stage.journal.log if type(event).__name__ == "Errored"]
    assert all(error.source is not Source.CONVERSION for error in errors)
