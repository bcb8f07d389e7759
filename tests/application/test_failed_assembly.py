"""The server cannot assemble what was edited, or a crash of its own left changes behind."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import trio
from trio.testing import MockClock

from application.callbacks import Fate
from application.ports import Answer
from domain import events
from domain.words import CloseReason, Next
from tests.application.conftest import ADA, BOB, FakeServer, Stage, callback, life, saving
from tests.fake_journal import FakeJournal
from tests.fakes import FakeBlobs, FakeSidecars

URL = "http://ds/cache/files/data/k_1/output.docx/output.docx?md5=x&expires=99999999999"


@pytest.fixture
async def durable(
    journal: FakeJournal,
    blobs: FakeBlobs,
    server: FakeServer,
    sidecars: FakeSidecars,
    autojump_clock: MockClock,
) -> AsyncIterator[Stage]:
    async with life(journal, blobs, server, sidecars, keep_failed=True) as stage:
        yield stage


async def edited(stage: Stage) -> tuple[str, str]:
    row = await stage.file()
    key = (await stage.door.open(row.id, ADA, "::1")).key
    await stage.callbacks.receive(callback(key, 1, users=["ada"]))
    await trio.sleep(60)
    return row.id, key


def last(stage: Stage, kind: type) -> object:
    return next(event for _, _, event in reversed(stage.journal.log) if isinstance(event, kind))


async def test_by_the_contract_a_status_3_ends_the_session_as_lost(
    stage: Stage, autojump_clock: MockClock
) -> None:
    file, key = await edited(stage)
    assert await stage.callbacks.receive(callback(key, 3, users=["ada"])) is Fate.LOST
    closed = last(stage, events.Closed)
    assert isinstance(closed, events.Closed)
    assert closed.reason is CloseReason.LOST
    assert (await stage.door.open(file, BOB, "::2")).key != key


async def test_durably_a_status_3_leaves_the_key_the_one_that_is_handed_out(
    durable: Stage, autojump_clock: MockClock
) -> None:
    file, key = await edited(durable)
    assert await durable.callbacks.receive(callback(key, 3, users=["ada"])) is Fate.LOST
    trouble = last(durable, events.Errored)
    assert isinstance(trouble, events.Errored)
    assert trouble.next is Next.REOPEN
    assert "open the document again" in trouble.detail
    assert durable.desk.kept_at_server() == 1
    assert (await durable.door.open(file, BOB, "::2")).key == key
    durable.server.results[URL] = b"delivered after all"
    assert await durable.callbacks.receive(saving(key, URL, 2)) is Fate.DONE
    assert durable.desk.kept_at_server() == 0
    assert (await durable.journal.versions(file))[-1].head


async def test_what_a_failed_assembly_left_is_kept_beside_the_head_and_the_changes_stay_there(
    durable: Stage, autojump_clock: MockClock
) -> None:
    file, key = await edited(durable)
    durable.server.results[URL] = b"half assembled"
    assert await durable.callbacks.receive(saving(key, URL, 3)) is Fate.LOST
    assert await durable.callbacks.receive(saving(key, URL, 3)) is Fate.LOST
    (_, version) = await durable.journal.versions(file)
    assert (version.trigger, version.head) == ("failed", False)
    assert (await durable.door.open(file, BOB, "::2")).key == key


async def test_a_file_replaced_meanwhile_does_not_retire_a_key_whose_changes_are_still_there(
    durable: Stage, autojump_clock: MockClock
) -> None:
    file, key = await edited(durable)
    await durable.callbacks.receive(callback(key, 3, users=["ada"]))

    async def newer() -> AsyncIterator[bytes]:
        yield b"uploaded"

    blob = await durable.files.store(newer())
    await durable.files.put(file, blob, ADA, expected=None)
    assert (await durable.door.open(file, BOB, "::2")).key == key
    durable.server.results[URL] = b"delivered after all"
    assert await durable.callbacks.receive(saving(key, URL, 2)) is Fate.DONE
    versions = await durable.journal.versions(file)
    assert [(v.trigger, v.head) for v in versions[1:]] == [("upload", True), ("conflict", False)]
    assert (await durable.door.open(file, BOB, "::2")).key != key


def orphaned(stage: Stage, key: str) -> None:
    """`info` says that nobody edits, and its callback is no status 4."""

    async def info(_key: str | None) -> Answer:
        await stage.callbacks.receive(callback(key, 1, users=[]))
        return Answer(0, {"error": 0, "users": []})

    stage.server.answers["info"] = info


async def test_changes_that_nobody_edits_are_found_when_the_server_says_so_twice(
    stage: Stage, autojump_clock: MockClock
) -> None:
    file, key = await edited(stage)
    orphaned(stage, key)
    await trio.sleep(600)
    assert "Errored" not in stage.types(key), "once may be a save under way"
    await trio.sleep(70)
    assert stage.types(key).count("Errored") == 1
    row = await stage.journal.document(key)
    assert row
    assert row.trouble
    assert "open the document again" in row.trouble
    await trio.sleep(24 * 3600)
    assert stage.types(key).count("Errored") == 1, "it is said once"
    assert (await stage.door.open(file, BOB, "::2")).key == key


async def test_who_comes_back_between_the_two_questions_is_no_orphan(
    stage: Stage, autojump_clock: MockClock
) -> None:
    file, key = await edited(stage)
    orphaned(stage, key)
    await trio.sleep(560)
    await stage.door.open(file, ADA, "::1")
    await trio.sleep(120)
    assert "Errored" not in stage.types(key)


async def test_a_status_4_that_info_brings_closes_as_ever(stage: Stage, autojump_clock: MockClock) -> None:
    _, key = await edited(stage)

    async def info(_key: str | None) -> Answer:
        await stage.callbacks.receive(callback(key, 4))
        return Answer(0, {"error": 0, "users": []})

    stage.server.answers["info"] = info
    await trio.sleep(700)
    assert stage.types(key)[-1] == "Closed"
