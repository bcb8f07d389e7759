"""Saves that the server gave up delivering come back, once, and only ours."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from application.callbacks import Fate
from application.forgotten import Recovery
from application.ports import Answer, DownloadFailed, ServerUnreachable
from domain.words import Trigger
from tests.application.conftest import ADA, BOB, Stage, _chunks, callback, saving

FINAL = "http://ds/cache/files/data/k_1/output.docx/output.docx?expires=99999999999"


def kept(key: str) -> str:
    return f"http://ds/cache/files/forgotten/{key}/output.docx/output.docx?md5=x&expires=99999999999"


async def opened(stage: Stage) -> tuple[str, str]:
    row = await stage.file()
    key = (await stage.door.open(row.id, ADA, "::1")).key
    await stage.callbacks.receive(callback(key, 1, users=["ada"]))
    return row.id, key


async def left(stage: Stage) -> tuple[str, str]:
    """Opened, and closed again without a change, as far as we know."""
    file, key = await opened(stage)
    await trio.sleep(60)
    await stage.callbacks.receive(callback(key, 4))
    return file, key


def forget(stage: Stage, files: dict[str, bytes]) -> dict[str, bytes]:
    """Make the server keep these; what is deleted there goes from the dict."""

    async def listed(_: str | None) -> Answer:
        return Answer(0, {"error": 0, "keys": sorted(files)})

    async def got(key: str) -> Answer:
        return Answer(0, {"error": 0, "key": key, "url": kept(key)}) if key in files else Answer(1, {})

    async def deleted(key: str) -> int:
        return 0 if files.pop(key, None) else 1

    stage.server.answers |= {"getForgottenList": listed, "getForgotten": got, "deleteForgotten": deleted}
    stage.server.results |= {kept(key): content for key, content in files.items()}
    return files


async def test_a_final_that_never_reached_us_is_recovered_when_the_server_lets_go_of_the_key(
    stage: Stage, autojump_clock: MockClock
) -> None:
    file, key = await opened(stage)
    await trio.sleep(60)
    stage.server.answers |= {"info": 1, "forcesave": 1}
    forget(stage, {key: b"typed in the outage"})
    await trio.sleep(31)
    version = (await stage.journal.versions(file))[-1]
    assert (version.trigger, version.head) == (Trigger.RECOVERED, True)
    assert stage.types(key)[-2:] == ["Saved", "Closed"]


async def test_what_is_safe_here_is_deleted_there_and_nothing_else(
    stage: Stage, autojump_clock: MockClock
) -> None:
    file, key = await left(stage)
    files = forget(stage, {key: b"typed in the outage", "somebody-elses": b"not ours"})
    assert await Recovery(stage.desk, stage.world).sweep() == 1
    assert files == {"somebody-elses": b"not ours"}
    assert [v.trigger for v in await stage.journal.versions(file)] == [Trigger.UPLOAD, Trigger.RECOVERED]
    assert "somebody-elses" not in {key for _, key, _ in stage.server.commands}


async def test_what_was_stored_after_all_is_no_second_version(
    stage: Stage, autojump_clock: MockClock
) -> None:
    file, key = await opened(stage)
    stage.server.results[FINAL] = b"words"
    assert await stage.callbacks.receive(saving(key, FINAL, 2)) is Fate.DONE
    files = forget(stage, {key: b"words"})
    assert await Recovery(stage.desk, stage.world).sweep() == 1
    assert files == {}
    assert len(await stage.journal.versions(file)) == 2


async def test_a_recovered_file_is_a_conflict_when_the_file_has_moved_on(
    stage: Stage, autojump_clock: MockClock
) -> None:
    file, key = await opened(stage)
    await stage.files.put(file, await stage.files.store(_chunks(b"uploaded")), ADA, expected=1)
    await trio.sleep(60)
    await stage.callbacks.receive(callback(key, 4))
    forget(stage, {key: b"typed in the outage"})
    await Recovery(stage.desk, stage.world).sweep()
    version = (await stage.journal.versions(file))[-1]
    assert (version.trigger, version.head) == (Trigger.CONFLICT, False)


async def test_what_somebody_edits_again_is_left_to_their_final_save(
    stage: Stage, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    file, key = await opened(stage)
    files = forget(stage, {key: b"typed in the outage"})
    assert await Recovery(stage.desk, stage.world).sweep() == 0
    assert key in files
    assert len(await stage.journal.versions(file)) == 1
    assert not caplog.records, "that is no trouble"


async def test_a_forgotten_file_is_not_the_last_word_while_the_server_knows_its_key(
    stage: Stage, autojump_clock: MockClock
) -> None:
    file, key = await left(stage)
    files = forget(stage, {key: b"typed in the outage"})
    stage.server.answers["info"] = Answer(0, {"error": 0, "users": []})  # a newer final is on its way
    recovery = Recovery(stage.desk, stage.world)
    assert await recovery.sweep() == 0
    assert key in files
    assert len(await stage.journal.versions(file)) == 1
    stage.server.answers["info"] = 1
    assert await recovery.sweep() == 1


async def test_people_who_only_look_at_it_do_not_keep_a_forgotten_file_there_for_ever(
    stage: Stage, autojump_clock: MockClock
) -> None:
    file, key = await left(stage)
    forget(stage, {key: b"typed in the outage"})
    stage.server.answers["info"] = Answer(0, {"error": 0, "users": []})
    recovery = Recovery(stage.desk, stage.world)
    assert await recovery.sweep() == 0
    await trio.sleep(61)
    assert await recovery.sweep() == 1
    assert len(await stage.journal.versions(file)) == 2


async def test_who_edits_it_again_keeps_it_there(stage: Stage, autojump_clock: MockClock) -> None:
    file, key = await left(stage)
    forget(stage, {key: b"typed in the outage"})
    recovery = Recovery(stage.desk, stage.world)
    for users in ([], ["ada"], []):
        stage.server.answers["info"] = Answer(0, {"error": 0, "users": users})
        assert await recovery.sweep() == 0
        await trio.sleep(61)
    assert len(await stage.journal.versions(file)) == 1


async def test_a_key_that_comes_alive_while_its_file_is_fetched_keeps_its_copy_at_the_server(
    stage: Stage, autojump_clock: MockClock
) -> None:
    file, key = await left(stage)
    files = forget(stage, {key: b"typed in the outage"})

    async def slow() -> bytes:
        await stage.callbacks.receive(callback(key, 1, users=["ada"]))
        return b"typed in the outage"

    stage.server.results[kept(key)] = slow
    assert await Recovery(stage.desk, stage.world).sweep() == 0
    assert key in files, "it may be forgotten anew, with more in it"
    assert len(await stage.journal.versions(file)) == 2


async def test_a_forgotten_file_that_cannot_be_stored_stays_at_the_server(
    stage: Stage, autojump_clock: MockClock
) -> None:
    _, key = await left(stage)
    files = forget(stage, {key: b"typed in the outage"})
    stage.blobs.broken = "no space left on device"
    assert await Recovery(stage.desk, stage.world).sweep() == 0
    assert key in files


async def test_bytes_that_are_no_document_stay_there_and_are_not_looked_at_every_time(
    stage: Stage, autojump_clock: MockClock
) -> None:
    _, key = await left(stage)
    files = forget(stage, {key: b"EVIL"})
    recovery = Recovery(stage.desk, stage.world)
    assert await recovery.sweep() == 0
    fetched = len(stage.server.fetches)
    assert await recovery.sweep() == 0
    assert len(stage.server.fetches) == fetched
    assert key in files


async def test_a_refused_final_is_recovered_soon_and_lets_the_next_one_in(
    stage: Stage, autojump_clock: MockClock
) -> None:
    file, key = await opened(stage)
    recovery = Recovery(stage.desk, stage.world)
    stage.server.answers["getForgottenList"] = Answer(0, {"keys": []})
    stage.server.results[FINAL] = DownloadFailed("its cache is unreachable")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(recovery.run)
        assert await stage.callbacks.receive(saving(key, FINAL, 2)) is Fate.UNSAFE
        recovery.nudge()
        forget(stage, {key: b"kept by the server"})
        await trio.sleep(20)
        opening = await stage.door.open(file, BOB, "::2")
        assert opening.key != key
        assert opening.version == 2
        nursery.cancel_scope.cancel()


async def test_an_unreachable_server_is_asked_again_later(stage: Stage, autojump_clock: MockClock) -> None:
    stage.server.answers["getForgottenList"] = ServerUnreachable("no route")
    with trio.move_on_after(1000):
        await Recovery(stage.desk, stage.world).run()
    assert len(stage.server.asked("getForgottenList")) == 4
