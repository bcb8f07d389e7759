"""Before the end, what is unsaved is asked for and taken; the end does not wait for ever."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from application.changes import Change
from application.draining import drain
from application.ports import ServerUnreachable
from tests.application.conftest import ADA, Stage, callback, saving, slowly


def url(key: str) -> str:
    return f"http://ds/cache/files/data/{key}_1/output.docx/output.docx?expires=99999999999"


async def edited(stage: Stage) -> tuple[str, str]:
    row = await stage.file()
    key = (await stage.door.open(row.id, ADA, "::1")).key
    await stage.callbacks.receive(callback(key, 1, users=["ada"]))
    stage.server.results[url(key)] = f"last words of {key}".encode()
    return row.id, key


async def test_every_edited_document_is_saved(stage: Stage, autojump_clock: MockClock) -> None:
    edits = [await edited(stage) for _ in range(5)]
    async with trio.open_nursery() as nursery:

        async def forcesave(key: str) -> int:
            async def deliver() -> None:
                await trio.sleep(2)
                await stage.callbacks.receive(saving(key, url(key)))

            nursery.start_soon(deliver)
            return 0

        stage.server.answers["forcesave"] = forcesave
        assert not (await drain(stage.desk, stage.world, 10)).left
        assert trio.current_time() < 5
        for file, _ in edits:
            assert len(await stage.journal.versions(file)) == 2


async def test_an_offer_under_way_is_waited_for(stage: Stage, autojump_clock: MockClock) -> None:
    file, key = await edited(stage)

    stage.server.results[url(key)] = slowly(b"last words", 5)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stage.callbacks.receive, saving(key, url(key), 2))
        await trio.sleep(1)
        assert not (await drain(stage.desk, stage.world, 10)).left
        assert len(await stage.journal.versions(file)) == 2


@pytest.mark.parametrize("answer", [4, 1, 3, ServerUnreachable("no route")], ids=repr)
async def test_nothing_new_is_nothing_to_wait_for(
    stage: Stage, autojump_clock: MockClock, answer: object
) -> None:
    await edited(stage)
    stage.server.answers["forcesave"] = answer
    before = trio.current_time()
    left = len((await drain(stage.desk, stage.world, 10)).left)
    assert trio.current_time() - before < 1
    assert left == (1 if isinstance(answer, Exception) else 0)


async def test_a_save_that_never_comes_is_not_waited_for_beyond_the_time(
    stage: Stage, autojump_clock: MockClock
) -> None:
    await edited(stage)
    stage.server.answers["forcesave"] = 0
    before = trio.current_time()
    assert len((await drain(stage.desk, stage.world, 10)).left) == 1
    assert trio.current_time() - before == pytest.approx(10)


async def test_a_save_is_unsaved_until_its_facts_are_durable(stage: Stage, autojump_clock: MockClock) -> None:
    _, key = await edited(stage)
    append = stage.journal.append

    async def slowly(*changes: Change) -> None:
        await trio.sleep(5)
        await append(*changes)

    stage.journal.append = slowly  # type: ignore[method-assign]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stage.callbacks.receive, saving(key, url(key), 2))
        await trio.sleep(8)
        assert stage.types(key)[-1] == "SaveOffered", "the commit is on its way"
        assert stage.desk.unsaved() == [key]
        await trio.sleep(5)
        assert stage.types(key)[-1] == "Closed"
        assert stage.desk.unsaved() == []
