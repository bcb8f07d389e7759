"""Forcesaves and other commands over time."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from tests.standin.stage import Stage, refused


async def test_a_callback_hangs_for_ten_minutes_at_most(stage: Stage, autojump_clock: MockClock) -> None:
    stage.integrator.slow[6] = 10_000
    room, ada = await stage.enter()
    stage.standin.edit(room, ada, "good night", None)
    assert (await stage.command("forcesave"))["error"] == 0
    await trio.sleep(599)
    assert (await stage.command("forcesave"))["error"] == 4, "still under way"
    await trio.sleep(2)
    stage.integrator.slow.clear()
    assert (await stage.command("forcesave"))["error"] == 0
    assert stage.integrator.statuses == [1, 6, 6]


async def test_a_new_change_does_not_wait_for_a_hanging_save(stage: Stage, autojump_clock: MockClock) -> None:
    stage.integrator.slow[6] = 100
    room, ada = await stage.enter()
    for text in ("one", "one two"):
        stage.standin.edit(room, ada, text, None)
        assert (await stage.command("forcesave"))["error"] == 0
        await trio.sleep(1)
    assert stage.integrator.statuses == [1, 6, 6]


async def test_parallel_forcesaves_cause_one_save(stage: Stage, autojump_clock: MockClock) -> None:
    room, ada = await stage.enter()
    stage.standin.edit(room, ada, "good night", None)
    errors = []

    async def ask() -> None:
        errors.append((await stage.command("forcesave"))["error"])

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(ask)
    await trio.sleep(1)
    assert sorted(errors) == [0, 4, 4]
    assert stage.integrator.statuses == [1, 6]


async def test_a_repeated_save_answers_after_its_callback(stage: Stage, autojump_clock: MockClock) -> None:
    stage.integrator.answers[6] = [refused]
    room, ada = await stage.enter()
    stage.standin.edit(room, ada, "good night", None)
    await stage.command("forcesave", userdata="first")
    await trio.sleep(1)
    stage.integrator.slow[6] = 6
    asked = trio.current_time()
    assert (await stage.command("forcesave", userdata="second"))["error"] == 0
    assert trio.current_time() - asked == pytest.approx(6)
    assert stage.integrator.seen[-1][2]["userdata"] == "first"


async def test_info_waits_for_the_callback_it_causes(stage: Stage, autojump_clock: MockClock) -> None:
    stage.integrator.slow[1] = 6
    await stage.enter()
    asked = trio.current_time()
    assert (await stage.command("info"))["users"] == ["ada"]
    assert trio.current_time() - asked == pytest.approx(6)


async def test_whoever_looks_on_is_dropped_too(stage: Stage, autojump_clock: MockClock) -> None:
    _, looking = await stage.enter("bob", editing=False)
    _, other = await stage.enter("carol", editing=False)
    told, not_told = stage.listen(looking), stage.listen(other)
    await stage.command("drop", users=["bob"])
    assert {"type": "dropped"} in told()
    assert {"type": "dropped"} not in not_told()


async def test_dropped_people_cost_no_delay(stage: Stage, autojump_clock: MockClock) -> None:
    room, ada = await stage.enter()
    stage.standin.edit(room, ada, "good night", None)
    await stage.command("drop", users=["ada"])
    await trio.sleep(0.5)
    assert stage.integrator.statuses == [1, 2]
