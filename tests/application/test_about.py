"""What a line of the log is said to be about, in tasks that outlive whoever started them."""

from __future__ import annotations

from collections.abc import Mapping

import trio
from trio.testing import MockClock

from application import about
from application.ports import Answer
from tests.application.conftest import ADA, Stage, callback, saving

Known = list[Mapping[str, str]]


async def as_request(stage: Stage, name: str, claims: dict[str, object]) -> None:
    """A callback, in a task of its own, as a web server has it."""

    async def receive() -> None:
        about.only(request=name)
        await stage.callbacks.receive(claims)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(receive)


async def edited(stage: Stage) -> str:
    about.only(request="of the opening")
    row = await stage.file()
    key = (await stage.door.open(row.id, ADA, "::1")).key
    about.only()
    await as_request(stage, "of the arrival", callback(key, 1, users=["ada"]))
    return key


async def test_an_actor_and_its_auto_save_speak_of_the_key_and_of_no_request(
    stage: Stage, autojump_clock: MockClock
) -> None:
    known: Known = []

    async def forcesave(_: str | None) -> Answer:
        known.append(about.known())
        return Answer(4, {})

    stage.server.answers["forcesave"] = forcesave
    key = await edited(stage)
    await trio.sleep(100)
    assert known == [{"key": key}] * 3


async def test_a_download_speaks_of_the_key_and_not_of_the_callback_that_caused_it(
    stage: Stage, autojump_clock: MockClock
) -> None:
    known: Known = []

    async def download() -> bytes:
        known.append(about.known())
        return b"newer"

    key = await edited(stage)
    stage.server.results["http://server/1"] = download
    await as_request(stage, "of the callback", saving(key, "http://server/1"))
    assert known == [{"key": key}]
    assert about.known() == {}
