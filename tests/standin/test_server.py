"""Sessions at the stand-in over time: delays, retries and windows, on a clock that jumps."""

from __future__ import annotations

import httpx
import pytest
import trio
from trio.testing import MockClock

from infrastructure.standin.lifetime import outlive
from infrastructure.standin.running import RunningStandin
from infrastructure.standin.timer import save_by_timer
from tests.standin.stage import Stage, broken, refused
from tests.standin.test_room import session


async def test_the_final_save_waits_five_seconds(stage: Stage, autojump_clock: MockClock) -> None:
    room, ada = await stage.enter()
    stage.standin.edit(room, ada, "good night", None)
    stage.standin.leave(room, ada)
    left = trio.current_time()
    await trio.sleep(60)
    assert stage.integrator.times(2) == [round(left + 5, 2)]
    assert stage.integrator.statuses == [1, 2]


async def test_whoever_comes_back_in_time_keeps_the_session_alive(
    stage: Stage, autojump_clock: MockClock
) -> None:
    room, ada = await stage.enter()
    stage.standin.edit(room, ada, "good night", None)
    stage.standin.leave(room, ada)
    await trio.sleep(4.9)
    again, bob = await stage.enter("bob")
    assert (again, again.text) == (room, "good night")
    await trio.sleep(60)
    assert stage.integrator.statuses == [1, 1]
    stage.standin.leave(again, bob)
    await trio.sleep(60)
    assert stage.integrator.seen[-1][2]["users"] == ["ada"], "the author of the last change"
    assert len(stage.integrator.fetches) == 1


async def test_a_viewer_does_not_stop_the_final_save(stage: Stage, autojump_clock: MockClock) -> None:
    stage.integrator.answers[2] = [broken]
    await stage.edit()
    await stage.leave(2)
    room, eve = await stage.enter("eve", editing=False)
    assert room.text == "good night"
    await trio.sleep(3.5)
    await stage.enter("eve", editing=False)
    await trio.sleep(60)
    assert stage.integrator.statuses == [1, 2, 2]
    stage.standin.leave(room, eve)
    assert stage.refuses("bob")


async def test_a_viewer_who_is_slow_does_not_fill_a_used_up_key(
    stage: Stage, autojump_clock: MockClock
) -> None:
    await stage.edit()
    await stage.leave(2)
    eve = session("eve", editing=False)
    room = stage.standin.enter(eve)
    assert room is not None
    await trio.sleep(10)
    await stage.standin.load(room, eve.opening.url)
    await trio.sleep(300)
    await stage.enter("bob")
    assert len(stage.integrator.fetches) == 3


async def test_a_saved_key_is_outdated_for_five_minutes_and_then_fresh(
    stage: Stage, autojump_clock: MockClock
) -> None:
    room, ada = await stage.enter()
    stage.standin.edit(room, ada, "good night", None)
    stage.standin.leave(room, ada)
    await trio.sleep(6)
    assert stage.standin.enter(session("bob")) is None
    assert await stage.command("info") == {"key": "k", "error": 0, "users": []}
    assert stage.integrator.statuses == [1, 2, 4]
    assert (await stage.command("forcesave"))["error"] == 4
    await trio.sleep(300)
    fresh, _ = await stage.enter("bob")
    assert fresh.text == "night"
    assert len(stage.integrator.fetches) == 2


async def test_a_broken_integrator_gets_four_attempts_and_then_it_is_forgotten(
    stage: Stage, autojump_clock: MockClock
) -> None:
    stage.integrator.answers[2] = [broken] * 4
    room, ada = await stage.enter()
    stage.standin.edit(room, ada, "good night", None)
    stage.standin.leave(room, ada)
    await trio.sleep(60)
    first, *_ = times = stage.integrator.times(2)
    assert [round(each - first) for each in times] == [0, 1, 3, 7]
    assert (await stage.command("getForgottenList"))["keys"] == ["k"]
    assert (await stage.command("info"))["error"] == 1
    url = (await stage.command("getForgotten"))["url"]
    assert url.startswith("http://standin/cache/files/forgotten/k/output.txt/output.txt?md5=")


async def test_reopening_between_two_attempts_goes_on_editing(
    stage: Stage, autojump_clock: MockClock
) -> None:
    stage.integrator.answers[2] = [broken] * 2
    room, ada = await stage.enter()
    stage.standin.edit(room, ada, "good night", None)
    stage.standin.leave(room, ada)
    await trio.sleep(7)
    again, bob = await stage.enter("bob")
    await trio.sleep(60)
    assert stage.integrator.statuses == [1, 2, 2, 1]
    stage.standin.leave(again, bob)
    await trio.sleep(60)
    assert stage.integrator.statuses == [1, 2, 2, 1, 2]


async def test_nobody_enters_while_the_integrator_thinks_about_the_final_save(
    stage: Stage, autojump_clock: MockClock
) -> None:
    stage.integrator.slow[2] = 15
    room, ada = await stage.enter()
    stage.standin.edit(room, ada, "good night", None)
    stage.standin.leave(room, ada)
    await trio.sleep(10)
    assert stage.standin.enter(session("bob")) is None


async def test_a_document_is_asked_for_three_times_a_second_apart(
    stage: Stage, autojump_clock: MockClock
) -> None:
    stage.integrator.document = lambda: httpx.Response(404)
    with pytest.raises(Exception, match="integrator/file"):
        await stage.enter()
    first, *_ = fetches = stage.integrator.fetches
    assert [round(at - first, 2) for at in fetches] == [0, 1, 2]


async def test_stopping_saves_at_once_what_is_open(stage: Stage, autojump_clock: MockClock) -> None:
    room, ada = await stage.enter()
    stage.standin.edit(room, ada, "good night", None)
    before = trio.current_time()
    await stage.standin.drain()
    assert stage.integrator.statuses == [1, 2]
    assert trio.current_time() - before < 1


async def test_stopping_does_not_wait_for_the_save_delay_of_those_who_have_gone(
    stage: Stage, autojump_clock: MockClock
) -> None:
    room, ada = await stage.enter()
    stage.standin.edit(room, ada, "good night", None)
    stage.standin.leave(room, ada)
    await stage.standin.drain()
    assert stage.integrator.statuses == [1, 2]


async def test_stopping_says_of_the_unchanged_that_they_are(stage: Stage, autojump_clock: MockClock) -> None:
    await stage.enter()
    await stage.standin.drain()
    assert stage.integrator.statuses == [1, 4]


async def test_stopping_does_not_wait_for_ever(stage: Stage, autojump_clock: MockClock) -> None:
    stage.integrator.slow[4] = 10_000
    await stage.enter()
    before = trio.current_time()
    await stage.standin.drain()
    assert trio.current_time() - before == pytest.approx(8)


async def test_the_timer_saves_what_nobody_asked_for(
    stage: Stage, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    nursery.start_soon(save_by_timer, stage.standin, 10)
    room, ada = await stage.enter()
    stage.standin.edit(room, ada, "good night", None)
    await trio.sleep(60)
    assert [body["forcesavetype"] for _, status, body in stage.integrator.seen if status == 6] == [2]


async def test_a_childless_standin_ends_when_all_is_quiet(stage: Stage, autojump_clock: MockClock) -> None:
    stopping = trio.Event()
    running = RunningStandin("http://standin", "secret", stage.standin, stopping)
    born = trio.current_time()
    nobody = 2**22 + 1  # above the kernel's limit for process ids
    with trio.fail_after(700):
        await outlive(running, nobody, 600)
    assert stopping.is_set()
    assert trio.current_time() - born == pytest.approx(600, abs=2)


async def test_a_forgotten_document_survives_a_hasty_visitor(stage: Stage, autojump_clock: MockClock) -> None:
    stage.integrator.answers[2] = [refused]
    room, ada = await stage.enter()
    stage.standin.edit(room, ada, "good night", None)
    stage.standin.leave(room, ada)
    await trio.sleep(10)
    bob = session("bob")
    again = stage.standin.enter(bob)
    assert again is not None
    stage.standin.leave(again, bob)
    await trio.sleep(10)
    assert stage.integrator.statuses == [1, 2, 1, 2]
    assert not stage.standin.forgotten
