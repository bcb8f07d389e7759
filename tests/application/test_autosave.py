"""An open document is saved every 30 seconds, for as long as somebody edits it."""

from __future__ import annotations

from itertools import pairwise

import pytest
import trio
from trio.testing import MockClock

from application.ports import Answer, ServerUnreachable
from domain import events
from domain.words import Mode, Source
from tests.application.conftest import ADA, BOB, Stage, callback


async def edited(stage: Stage) -> str:
    row = await stage.file()
    key = (await stage.door.open(row.id, ADA, "::1")).key
    await stage.callbacks.receive(callback(key, 1, users=["ada"], actions=[{"type": 1, "userid": "ada"}]))
    return key


async def test_forcesave_is_asked_every_30_seconds_while_somebody_edits(
    stage: Stage, autojump_clock: MockClock
) -> None:
    await edited(stage)
    await trio.sleep(300)
    asked = stage.server.asked("forcesave")
    assert len(asked) == 10
    assert {round(b - a, 6) for a, b in pairwise(asked)} == {30}


async def test_it_is_asked_for_two_minutes_after_an_admission_though_nobody_joined(
    stage: Stage, autojump_clock: MockClock
) -> None:
    row = await stage.file()
    await stage.door.open(row.id, ADA, "::1")
    await trio.sleep(500)
    assert len(stage.server.asked("forcesave")) == 4


async def test_a_viewer_alone_is_never_auto_saved(stage: Stage, autojump_clock: MockClock) -> None:
    row = await stage.file()
    await stage.door.open(row.id, ADA, "::1", wanted=Mode.VIEW)
    await trio.sleep(500)
    assert stage.server.asked("forcesave") == []


async def test_it_ends_when_everybody_has_left(stage: Stage, autojump_clock: MockClock) -> None:
    key = await edited(stage)
    await trio.sleep(200)
    asked = len(stage.server.asked("forcesave"))
    await stage.callbacks.receive(callback(key, 4))
    await trio.sleep(300)
    assert len(stage.server.asked("forcesave")) == asked


async def test_phases_are_spread_over_the_interval(stage: Stage, autojump_clock: MockClock) -> None:
    for number in range(40):
        row = await stage.file(f"{number}.docx")
        await stage.door.open(row.id, ADA, "::1")
    await trio.sleep(30)
    moments = sorted(stage.server.asked("forcesave"))
    assert len(moments) == 40
    assert max(b - a for a, b in pairwise(moments)) < 8
    assert len({round(moment) for moment in moments}) > 15


async def test_two_commands_are_never_in_flight_for_one_document(
    stage: Stage, autojump_clock: MockClock
) -> None:
    running = most = 0

    async def slow(_: str) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await trio.sleep(100)
        running -= 1
        return 0

    stage.server.answers["forcesave"] = slow
    await edited(stage)
    await trio.sleep(590)
    assert most == 1
    assert len(stage.server.asked("forcesave")) == 5, "after each, the next of its own 30 seconds"


async def test_whoever_was_held_up_does_not_ask_twice_within_seconds(
    stage: Stage, autojump_clock: MockClock
) -> None:
    """A process that was stopped and goes on has a late answer, and soon its next phase."""

    async def held_up(_: str) -> int:
        await trio.sleep(29.5)
        return 4

    stage.server.answers["forcesave"] = held_up
    await edited(stage)
    await trio.sleep(590)
    asked = stage.server.asked("forcesave")
    assert {round(b - a, 6) for a, b in pairwise(asked)} == {60}


@pytest.mark.parametrize("answer", [3, 6, 7, ServerUnreachable("no route to host"), Answer(5, {})], ids=repr)
async def test_faults_are_noted_when_there_were_three_in_a_row_and_then_once(
    stage: Stage, autojump_clock: MockClock, answer: object
) -> None:
    key = await edited(stage)
    stage.server.answers["forcesave"] = answer
    await trio.sleep(65)
    assert "Errored" not in stage.types(key)
    await trio.sleep(600)
    (errored,) = [event for _, _, event in stage.journal.log if isinstance(event, events.Errored)]
    assert errored.source is Source.COMMAND


@pytest.mark.parametrize("answer", [0, 4])
async def test_that_it_works_again_is_noted_too_and_once(
    stage: Stage, autojump_clock: MockClock, answer: int
) -> None:
    key = await edited(stage)
    stage.server.answers["forcesave"] = ServerUnreachable("no route to host")
    await trio.sleep(200)
    row = await stage.journal.document(key)
    assert row
    assert row.trouble
    stage.server.answers["forcesave"] = answer
    await trio.sleep(300)
    row = await stage.journal.document(key)
    assert row
    assert row.trouble is None
    assert stage.types(key) == ["Opened", "Admitted", "Joined", "Errored", "Resumed"]


async def test_one_lost_race_in_between_is_no_error(stage: Stage, autojump_clock: MockClock) -> None:
    key = await edited(stage)
    turns = iter([3, 3, 4] * 100)

    async def in_turn(_: str) -> int:
        return next(turns)

    stage.server.answers["forcesave"] = in_turn
    await trio.sleep(3000)
    assert "Errored" not in stage.types(key)


async def test_a_tick_is_no_event(stage: Stage, autojump_clock: MockClock) -> None:
    key = await edited(stage)
    await trio.sleep(590)
    assert len(stage.server.asked("forcesave")) > 15
    assert stage.types(key) == ["Opened", "Admitted", "Joined"]


async def test_a_key_the_server_has_forgotten_while_somebody_edits_is_lost(
    stage: Stage, autojump_clock: MockClock
) -> None:
    key = await edited(stage)
    await trio.sleep(200)
    stage.server.answers["forcesave"] = stage.server.answers["info"] = 1
    await trio.sleep(60)
    assert stage.types(key)[-2:] == ["Left", "Closed"]


async def test_two_users_share_one_auto_save(stage: Stage, autojump_clock: MockClock) -> None:
    key = await edited(stage)
    row = next(iter(stage.journal.files_.values()))
    assert (await stage.door.open(row.id, BOB, "::2")).key == key
    await trio.sleep(90)
    assert len(stage.server.asked("forcesave")) == 3
