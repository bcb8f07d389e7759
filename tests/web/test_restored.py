"""A service made of a backup, beside a Document Server that remembers more than it does."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from infrastructure.backup.layout import Destination
from infrastructure.backup.making import make
from infrastructure.backup.places import Places
from infrastructure.backup.restoring import restore
from infrastructure.settings import Settings
from tests.infrastructure.test_backup import settings_of
from tests.web.fake_server import FakeServer
from tests.web.life import Running
from tests.web.service import Service, second, word


class Silent:
    def log(self, done: int, pages: int) -> None: ...

    def bytes(self, count: int, left: int) -> None: ...


async def backed_up(settings: Settings, to: Path) -> None:
    await trio.to_thread.run_sync(partial(make, Places.of(settings), Destination(to), 7, Silent()))


async def restored(backup: Path, data: Path) -> None:
    places = Places.of(settings_of(data))
    backed = Destination(backup)
    work = partial(restore, backed, backed.snapshot(None), places, lambda _: None)
    assert await trio.to_thread.run_sync(work) == []


class Story:
    """What was open when it was backed up, and what has begun since."""

    def __init__(self, server: FakeServer) -> None:
        self.server = server
        self.file = self.going_on = self.ended = self.begun_since = ""

    async def tell(self, before: Service, backup: Path) -> None:
        self.file = await before.add()
        other = await before.add("Other.docx")
        self.going_on, self.ended = await before.begin(self.file), await before.begin(other)
        assert await before.offered(6, self.going_on, "1", word("Before.")) == (200, 0)
        await backed_up(before.settings, backup)
        assert await before.offered(6, self.going_on, "2", word("After."), lastsave=second(2)) == (200, 0)
        assert await before.offered(2, self.ended, "1", word("The end.")) == (200, 0)
        self.begun_since = await before.begin(await before.add("New.docx"))
        self.server.answer("info", self.info)

    async def info(self, command: dict[str, Any]) -> dict[str, Any]:
        return {"error": 0 if command["key"] == self.going_on else 1, "key": command["key"]}


@pytest.fixture
async def after(running: Running, server: FakeServer, tmp_path: Path) -> tuple[Service, Story]:
    before = await running(callback_reply="durable")
    story = Story(server)
    await story.tell(before, tmp_path / "backup")
    await running.end(before)
    await restored(tmp_path / "backup", tmp_path / "again")
    return await running(data_dir=tmp_path / "again", callback_reply="durable"), story


async def test_a_session_that_still_runs_goes_on(
    after: tuple[Service, Story],
) -> None:
    service, story = after
    assert await service.content(story.file) == word("Before.")
    saved = await service.offered(6, story.going_on, "3", word("Later."), lastsave=second(3))
    assert saved == (200, 0)
    assert await service.content(story.file) == word("Later.")
    assert await service.key(story.file) == story.going_on


async def test_a_session_that_has_ended_since_is_closed_as_lost(after: tuple[Service, Story]) -> None:
    service, story = after
    document = await service.until_closed(story.ended)
    assert document["closed_reason"] == "lost"


async def test_a_session_that_has_begun_since_loses_nothing(after: tuple[Service, Story]) -> None:
    service, story = after
    newer = word("Written in a session that the log does not know.")
    assert (await service.offered(2, story.begun_since, "1", newer))[0] == 403, "the server keeps it"
    (note,) = service.quarantined().values()
    assert note["key"] == story.begun_since
    kept = service.settings.blobs_path / note["sha256"][:2] / note["sha256"]
    assert kept.read_bytes() == newer
