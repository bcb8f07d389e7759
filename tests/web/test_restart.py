"""An orderly end and a new start: what was offered is not lost, and what is open stays open."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import httpx
import pytest
import trio

from tests.infrastructure.raw_server import says
from tests.web.fake_server import FakeServer, withheld
from tests.web.life import Running
from tests.web.service import second, word

pytestmark = pytest.mark.in_both

NEWER = word("Newer words.")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "kept"


async def test_an_offer_that_was_not_fetched_before_the_end_is_not_answered_and_fetched_after_the_start(
    running: Running, server: FakeServer, folder: Path
) -> None:
    before = await running(data_dir=folder, grace_seconds=0.2)
    file = await before.add()
    key = await before.begin(file)
    gate = trio.Event()
    url = server.result("slow", withheld(gate, says("200 OK", NEWER)), NEWER)
    answers: list[tuple[int, int]] = []

    async def told() -> None:
        with suppress(httpx.RemoteProtocolError):  # a cut connection: the server tries again
            answers.append(await before.told(2, key, url=url, filetype="docx", lastsave=second(1)))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(told)
        await before.until(lambda: server.fetches)
        await running.end(before)
    gate.set()
    assert answers == []
    after = await running(data_dir=folder)
    await after.until_closed(key)
    assert await after.content(file) == NEWER
    assert await after.story(key) == ["Opened", "Joined", "SaveOffered", "Saved", "Closed"]


async def test_an_open_document_is_asked_about_and_goes_on_under_its_key(
    running: Running, server: FakeServer, folder: Path
) -> None:
    before = await running(data_dir=folder)
    file = await before.add()
    key = await before.begin(file)
    await running.end(before)
    after = await running(data_dir=folder)
    await after.until(lambda: server.asked("info"))
    assert server.asked("info")[0]["key"] == key
    assert await after.key(file) == key
    assert await after.offered(6, key, "1", NEWER) == (200, 0)
    assert await after.content(file) == NEWER
    assert await after.story(key) == ["Opened", "Joined", "SaveOffered", "Forcesaved"]


async def test_a_repeat_of_what_was_stored_before_the_end_changes_nothing(
    running: Running, server: FakeServer, folder: Path
) -> None:
    before = await running(data_dir=folder)
    file = await before.add()
    key = await before.begin(file)
    assert await before.offered(2, key, "1", NEWER) == (200, 0)
    events = await before.events(key)
    await running.end(before)
    after = await running(data_dir=folder)
    assert await after.offered(2, key, "1", NEWER, lastsave=second(9), notmodified=None) == (200, 0)
    assert await after.events(key) == events
