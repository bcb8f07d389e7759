"""What the server says and what we believe are brought together: by `info`, never on a guess."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from application.ports import Answer, ServerUnreachable
from domain import events
from domain.words import CloseReason, Mode
from tests.application.conftest import ADA, FakeServer, Stage, callback, life
from tests.fake_journal import FakeJournal
from tests.fakes import FakeBlobs, FakeSidecars


def nested(stage: Stage, users: list[str], status: int) -> object:
    """`info` as the server does it: first it calls us back, then it answers."""

    async def info(key: str) -> Answer:
        fields = {"users": users} if status == 1 else {}
        await stage.callbacks.receive(callback(key, status, **fields))
        return Answer(0, {"error": 0, "users": users})

    return info


def closing(stage: Stage, key: str) -> list[CloseReason]:
    return [
        event.reason
        for stream, _, event in stage.journal.log
        if stream == f"document/{key}" and isinstance(event, events.Closed)
    ]


async def opened(stage: Stage, *, joined: bool = True, mode: Mode = Mode.EDIT) -> str:
    row = await stage.file()
    key = (await stage.door.open(row.id, ADA, "::1", wanted=mode)).key
    if joined:
        await stage.callbacks.receive(callback(key, 1, users=["ada"]))
    return key


async def test_a_status_4_soon_after_a_join_closes_when_info_confirms_it(
    stage: Stage, autojump_clock: MockClock
) -> None:
    key = await opened(stage)
    stage.server.answers["info"] = nested(stage, [], 4)
    await stage.callbacks.receive(callback(key, 4))
    assert closing(stage, key) == []
    await trio.sleep(1)
    assert closing(stage, key) == [CloseReason.UNCHANGED]
    assert len(stage.server.asked("info")) == 1


async def test_a_status_4_that_was_overtaken_by_a_join_closes_nothing(
    stage: Stage, autojump_clock: MockClock
) -> None:
    key = await opened(stage)
    stage.server.answers["info"] = nested(stage, ["ada"], 1)
    await stage.callbacks.receive(callback(key, 4))
    await trio.sleep(5)
    assert closing(stage, key) == []
    assert stage.types(key) == ["Opened", "Admitted", "Joined"]


async def test_silence_for_ten_minutes_is_asked_about(stage: Stage, autojump_clock: MockClock) -> None:
    key = await opened(stage, joined=False, mode=Mode.VIEW)
    stage.server.answers["info"] = nested(stage, [], 4)
    await trio.sleep(599)
    assert stage.server.asked("info") == []
    await trio.sleep(2)
    assert closing(stage, key) == [CloseReason.UNCHANGED]


async def test_a_document_nobody_came_to_is_abandoned(stage: Stage, autojump_clock: MockClock) -> None:
    key = await opened(stage, joined=False)
    await trio.sleep(700)
    assert closing(stage, key) == [CloseReason.ABANDONED]


async def test_an_unknown_key_means_nothing_while_the_page_is_loading(
    stage: Stage, autojump_clock: MockClock
) -> None:
    key = await opened(stage, joined=False)
    stage.server.answers["forcesave"] = 1
    await trio.sleep(119)
    assert closing(stage, key) == []


async def test_an_unreachable_server_is_asked_again_every_minute_and_nothing_is_closed(
    stage: Stage, autojump_clock: MockClock
) -> None:
    key = await opened(stage)
    stage.server.answers["info"] = ServerUnreachable("no route")
    await trio.sleep(600 + 305)
    assert closing(stage, key) == []
    assert len(stage.server.asked("info")) == 6


async def test_orphaned_edits_keep_their_key(stage: Stage, autojump_clock: MockClock) -> None:
    """`info` 0 without users but with a status 1 is the sign of changes that a crash orphaned."""
    key = await opened(stage)
    stage.server.answers["info"] = nested(stage, [], 1)
    await trio.sleep(700)
    assert closing(stage, key) == []
    row = next(iter(stage.journal.files_.values()))
    assert (await stage.door.open(row.id, ADA, "::1")).key == key


@pytest.mark.parametrize("known", [True, False])
async def test_after_a_restart_every_open_document_is_asked_about(
    known: bool,
    journal: FakeJournal,
    blobs: FakeBlobs,
    server: FakeServer,
    sidecars: FakeSidecars,
    autojump_clock: MockClock,
) -> None:
    async with life(journal, blobs, server, sidecars) as first:
        keys = [await opened(first) for _ in range(1)]
        await trio.sleep(200)
    forcesaves = len(server.asked("forcesave"))
    async with life(journal, blobs, server, sidecars) as second:
        server.answers["info"] = nested(second, ["ada"], 1) if known else 1
        await second.desk.take_up()
        await trio.sleep(95)
        assert len(server.asked("info")) == 1
        assert closing(second, keys[0]) == ([] if known else [CloseReason.LOST])
        assert (len(server.asked("forcesave")) - forcesaves) == (3 if known else 0)


async def test_a_closed_documents_actor_rests_after_a_minute(stage: Stage, autojump_clock: MockClock) -> None:
    key = await opened(stage)
    await trio.sleep(60)
    await stage.callbacks.receive(callback(key, 4))
    assert len(stage.desk) == 1
    await trio.sleep(61)
    assert len(stage.desk) == 0
    await stage.callbacks.receive(callback(key, 1, users=["ada"]))
    assert stage.types(key)[-2:] == ["Reopened", "Joined"]


async def test_fifty_callers_knock_at_the_very_instant_the_actor_goes_to_rest(
    stage: Stage, autojump_clock: MockClock
) -> None:
    key = await opened(stage)
    await trio.sleep(60)
    await stage.callbacks.receive(callback(key, 4))
    answered = 0

    async def knock() -> None:
        nonlocal answered
        await trio.sleep(60)
        document = await stage.desk.ask(key)
        assert document
        answered += 1

    async with trio.open_nursery() as nursery:
        for _ in range(50):
            nursery.start_soon(knock)
    assert answered == 50


async def test_a_document_that_crashes_is_replayed_and_harms_nobody(
    stage: Stage, autojump_clock: MockClock
) -> None:
    key, other = await opened(stage), await opened(stage)

    async def bug(_: str) -> Answer:
        raise RuntimeError("a bug of ours")

    stage.server.answers |= {"forcesave": bug, "info": nested(stage, ["ada"], 1)}
    await trio.sleep(31)
    stage.server.answers["forcesave"] = 4
    await trio.sleep(10)
    asked = len(stage.server.asked("forcesave"))
    await trio.sleep(60)
    assert len(stage.server.asked("forcesave")) == asked + 4, "both are auto-saved again"
    assert closing(stage, key) == closing(stage, other) == []
