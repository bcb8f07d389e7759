"""Days of automatic saves are thinned out, and a day later their bytes go, unless anything has them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import trio
from trio.testing import MockClock

from application.changes import FileChange
from application.retention import NUMBERS, Retention
from domain import events, words
from domain import file as files
from domain.retention import HOURLY, NONE, Policy
from tests.application.conftest import ADA, Stage, callback, now, saving
from tests.story import url

HOUR, DAY = 3600, 24 * 3600
FEW = Policy((), NONE)


def retention(stage: Stage, policy: Policy = FEW) -> Retention:
    stage.blobs.clock = trio.current_time
    return Retention(stage.journal, stage.blobs, stage.sidecars, policy, now)


async def offer(stage: Stage, key: str, content: bytes, status: int = 6) -> None:
    there = url(f"{status}-{trio.current_time()}")
    stage.server.results[there] = content
    await stage.callbacks.receive(saving(key, there, status))
    await trio.sleep(60)


async def session(stage: Stage, file: str, *saves: bytes, last: bytes | None = b"final") -> str:
    """One in which each save is automatic but the last."""
    stage.blobs.clock = trio.current_time
    key = (await stage.door.open(file, ADA, "::1")).key
    await stage.callbacks.receive(callback(key, 1, users=["ada"]))
    for content in saves:
        await offer(stage, key, content)
    if last is not None:
        await offer(stage, key, last, 2)
    return key


async def numbers(stage: Stage, file: str) -> list[int]:
    return [version.number for version in await stage.journal.versions(file)]


async def test_automatic_saves_go_and_their_bytes_a_day_later(
    stage: Stage, autojump_clock: MockClock
) -> None:
    file = (await stage.file()).id
    await session(stage, file, b"one", b"two")
    thinning = retention(stage)
    assert await thinning.thin() == 2
    assert await numbers(stage, file) == [1, 4]
    assert await thinning.thin() == 0
    assert await thinning.discard() == 0
    await trio.sleep(DAY + 1)
    assert await thinning.discard() == 2
    assert sorted(stage.blobs.stored.values()) == [b"final", b"original"]
    assert await thinning.discard() == 0


async def test_keeping_everything_thins_nothing_and_still_finishes_what_was_begun(
    stage: Stage, autojump_clock: MockClock
) -> None:
    file = (await stage.file()).id
    await session(stage, file, b"one", b"two")
    await retention(stage).thin()
    await session(stage, file, b"three", b"four")
    with trio.move_on_after(2 * DAY):
        await retention(stage, Policy()).run()
    assert await numbers(stage, file) == [1, 4, 5, 6, 7]
    assert b"one" not in stage.blobs.stored.values()


async def test_a_pass_runs_at_the_start_and_then_every_day(stage: Stage, autojump_clock: MockClock) -> None:
    file = (await stage.file()).id
    await session(stage, file, b"one")
    with trio.move_on_after(3 * DAY + HOUR):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(retention(stage).run)
            await trio.sleep(HOUR)
            assert await numbers(stage, file) == [1, 3]
            await session(stage, file, b"two")
            assert await numbers(stage, file) == [1, 3, 4, 5]
            await trio.sleep(DAY)
            assert await numbers(stage, file) == [1, 3, 5]
            await trio.sleep_forever()
    assert sorted(stage.blobs.stored.values()) == [b"final", b"original"]


async def test_nothing_of_a_session_goes_while_it_is_open(stage: Stage, autojump_clock: MockClock) -> None:
    file = (await stage.file()).id
    await session(stage, file, b"one", b"two", last=None)
    assert await retention(stage).thin() == 0


async def test_what_an_open_session_builds_on_stays(stage: Stage, autojump_clock: MockClock) -> None:
    file = (await stage.file()).id
    await session(stage, file, b"one", b"two", last=None)
    await stage.files.put(file, await stage.files.store(_bytes(b"uploaded")), ADA, expected=None)
    (row,) = await stage.journal.open_documents(file)
    assert (row.base, row.head) == (1, 3)
    assert await retention(stage).thin() == 0


async def _bytes(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def test_the_last_save_of_a_session_that_was_lost_stays(
    stage: Stage, autojump_clock: MockClock
) -> None:
    file = (await stage.file()).id
    key = await session(stage, file, b"one", b"two", last=None)
    await stage.callbacks.receive(callback(key, 3, users=["ada"]))
    await stage.files.put(file, await stage.files.store(_bytes(b"uploaded")), ADA, expected=None)
    await trio.sleep(HOUR)
    assert (await stage.journal.document(key)).state == "closed"  # type: ignore[union-attr]
    assert await retention(stage).thin() == 1
    assert await numbers(stage, file) == [1, 3, 4]


async def test_the_save_whose_bytes_the_final_brought_again_stays(
    stage: Stage, autojump_clock: MockClock
) -> None:
    file = (await stage.file()).id
    await session(stage, file, b"one", b"two", last=b"two")
    await session(stage, file, b"later")
    assert await retention(stage).thin() == 2
    contents = [stage.blobs.stored[row.sha256] for row in await stage.journal.versions(file)]
    assert contents == [b"original", b"two", b"final"]


async def test_bytes_that_another_version_has_stay(stage: Stage, autojump_clock: MockClock) -> None:
    first, second = (await stage.file()).id, (await stage.file("copy.docx", b"one")).id
    await session(stage, first, b"one", b"two")
    await retention(stage).thin()
    await trio.sleep(2 * DAY)
    assert await retention(stage).discard() == 1
    (version,) = await stage.journal.versions(second)
    assert stage.blobs.stored[version.sha256] == b"one"


async def test_bytes_kept_again_stay_for_another_day(stage: Stage, autojump_clock: MockClock) -> None:
    file = (await stage.file()).id
    await session(stage, file, b"one", b"two")
    await retention(stage).thin()
    await trio.sleep(2 * DAY)
    await stage.files.store(_bytes(b"one"))
    assert await retention(stage).discard() == 1
    assert b"one" in stage.blobs.stored.values()
    await trio.sleep(DAY + 1)
    assert await retention(stage).discard() == 1


async def test_who_saves_thinned_bytes_again_beside_the_head_gets_a_version(
    stage: Stage, autojump_clock: MockClock
) -> None:
    file = (await stage.file()).id
    key = await session(stage, file, b"one", b"two")
    await retention(stage).thin()
    await stage.files.put(file, await stage.files.store(_bytes(b"uploaded")), ADA, expected=None)
    await offer(stage, key, b"one", 2)  # a laptop that slept through it all
    version = (await stage.journal.versions(file))[-1]
    assert (version.trigger, stage.blobs.stored[version.sha256]) == ("conflict", b"one")


async def test_a_busy_file_does_not_keep_the_others_from_their_turn(
    stage: Stage, autojump_clock: MockClock
) -> None:
    busy, other = (await stage.file()).id, (await stage.file()).id
    for file in (busy, other):
        await session(stage, file, b"one", b"two")
    thinning = retention(stage)
    read = stage.journal.open_documents

    async def meanwhile(file_id: str | None = None):  # type: ignore[no-untyped-def]
        if file_id == busy:
            await stage.files.rename(busy, f"plan {trio.current_time()} {len(stage.journal.log)}.docx", ADA)
        return await read(file_id)

    stage.journal.open_documents = meanwhile  # type: ignore[method-assign]
    assert await thinning.thin() == 2
    assert await numbers(stage, busy) == [1, 2, 3, 4]
    assert await numbers(stage, other) == [1, 4]


async def test_a_failing_store_is_tried_again_the_next_day(
    stage: Stage, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    file = (await stage.file()).id
    await session(stage, file, b"one", b"two")
    stage.journal.failing = True
    with trio.move_on_after(DAY + HOUR):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(retention(stage).run)
            await trio.sleep(HOUR)
            stage.journal.failing = False
            await trio.sleep_forever()
    assert "could not be thinned out" in caplog.text
    assert await numbers(stage, file) == [1, 4]


async def test_many_are_thinned_a_few_at_a_time(stage: Stage, autojump_clock: MockClock) -> None:
    row = await stage.file()
    saves = [
        events.VersionAdded(
            at=now(),
            number=number,
            sha256=f"{number:064}",
            size=1,
            trigger=words.Trigger.COMMAND,
            filetype="docx",
            head=True,
        )
        for number in range(2, NUMBERS + 103)
    ]
    state = files.replay(saves, row.file)
    assert state
    await stage.journal.append(FileChange(row.id, row.version, saves, state))
    await trio.sleep(2 * HOUR)
    assert await retention(stage, Policy((), HOURLY)).thin() == NUMBERS + 100
    assert await numbers(stage, row.id) == [1, NUMBERS + 102]
    thinned = [fact for _, _, fact in stage.journal.log if isinstance(fact, events.Thinned)]
    assert [len(fact.numbers) for fact in thinned] == [NUMBERS, 100]


async def test_after_the_first_pass_only_what_was_freed_lately_is_looked_at(
    stage: Stage, autojump_clock: MockClock
) -> None:
    file = (await stage.file()).id
    await session(stage, file, b"one", b"two")
    await retention(stage).thin()
    await trio.sleep(3 * DAY)
    thinning = retention(stage)
    assert await thinning.discard(now()) == 0
    assert await thinning.discard(now() - timedelta(days=4)) == 2
