"""A server that is killed, and the one that finds its store: what it knows, and what it does by itself."""

from __future__ import annotations

import re

import trio
from trio.testing import MockClock

from tests.standin.stage import Stage, broken, refused

NOW_WITH_MILLISECONDS = re.compile(r"2027-01-15T08:\d\d:\d\d\.\d\d\dZ")


async def test_who_stays_goes_on_as_if_nothing_had_been(stage: Stage, autojump_clock: MockClock) -> None:
    await stage.edit()
    await stage.crash()
    room, ada = await stage.enter()
    assert (room.text, len(stage.integrator.fetches)) == ("good night", 1)
    assert stage.integrator.seen[-1][2]["actions"] == [{"type": 1, "userid": "ada"}]
    assert (await stage.command("forcesave"))["error"] == 4, "nobody remembers that this was not saved"
    stage.standin.edit(room, ada, "good night, Ada", None)
    assert (await stage.command("forcesave"))["error"] == 0
    await trio.sleep(1)
    assert stage.offered(stage.integrator.seen[-1][2]) == b"good night, Ada"
    await stage.leave()
    assert stage.integrator.seen[-1][2]["notmodified"] is True
    assert stage.integrator.statuses == [1, 1, 6, 2]


async def test_what_was_typed_before_is_saved_at_the_end(stage: Stage, autojump_clock: MockClock) -> None:
    await stage.edit()
    await stage.crash()
    await stage.enter()
    await stage.leave()
    final = stage.integrator.seen[-1][2]
    assert (final["status"], final["notmodified"], stage.offered(final)) == (2, None, b"good night")
    assert NOW_WITH_MILLISECONDS.fullmatch(final["lastsave"])


async def test_changes_that_nobody_comes_back_to_are_never_called_back(
    stage: Stage, autojump_clock: MockClock
) -> None:
    await stage.edit()
    await stage.crash()
    await trio.sleep(3 * 24 * 3600)
    assert stage.integrator.statuses == [1]
    assert await stage.command("info") == {"key": "k", "error": 0, "users": []}
    called_back = stage.integrator.seen[-1][2]
    assert (called_back["status"], called_back["users"], "actions" in called_back) == (1, [], False)
    assert (await stage.command("forcesave"))["error"] == 4
    assert (await stage.command("getForgottenList"))["keys"] == []


async def test_to_open_and_leave_is_the_cure(stage: Stage, autojump_clock: MockClock) -> None:
    await stage.edit()
    room = stage.standin.rooms["k"]
    stage.standin.leave(room, room.editors[0])
    await trio.sleep(2)
    await stage.crash()
    await trio.sleep(20)
    assert stage.integrator.statuses == [1]
    room, _bob = await stage.enter("bob")
    assert room.text == "good night"
    await stage.leave()
    final = stage.integrator.seen[-1][2]
    assert (final["users"], final["actions"]) == (["ada"], [{"type": 0, "userid": "bob"}])
    assert [change["user"]["id"] for change in final["history"]["changes"]] == ["ada"]
    assert "changesurl" in final
    assert final["notmodified"] is None


async def test_a_pending_final_callback_is_sent_again(stage: Stage, autojump_clock: MockClock) -> None:
    stage.integrator.slow[2] = 100
    await stage.edit()
    await stage.leave(10)
    await stage.crash()
    stage.integrator.slow.clear()
    restarted = trio.current_time()
    await trio.sleep(10)
    assert stage.integrator.statuses == [1, 2, 2]
    first, again = (body for _at, status, body in stage.integrator.seen if status == 2)
    assert round(stage.integrator.times(2)[1] - restarted, 1) == 3
    assert again["url"].partition("?")[0] == first["url"].partition("?")[0]
    assert again["token"] != first["token"]
    assert (first["notmodified"], again["notmodified"]) == (False, None)
    assert again["history"] == first["history"]
    await stage.crash()
    await trio.sleep(10)
    assert stage.integrator.statuses == [1, 2, 2], "once it is answered it is over"


async def test_so_is_one_between_two_attempts(stage: Stage, autojump_clock: MockClock) -> None:
    stage.integrator.answers[2] = [broken, refused]
    await stage.edit()
    await stage.leave(5.5)
    await stage.crash()
    await trio.sleep(10)
    assert stage.integrator.statuses == [1, 2, 2]
    assert (await stage.command("getForgottenList"))["keys"] == ["k"]
    await stage.crash()
    assert (await stage.command("getForgottenList"))["keys"] == ["k"]


async def test_whoever_opens_the_key_before_that_goes_on_editing(
    stage: Stage, autojump_clock: MockClock
) -> None:
    stage.integrator.slow[2] = 100
    await stage.edit()
    await stage.leave(10)
    await stage.crash()
    room, _bob = await stage.enter("bob")
    assert room.text == "good night"
    await trio.sleep(60)
    assert stage.integrator.statuses == [1, 2, 1]


async def test_a_used_up_key_stays_so(stage: Stage, autojump_clock: MockClock) -> None:
    await stage.edit()
    await stage.leave()
    await stage.crash()
    assert stage.refuses("bob")
    await trio.sleep(300)
    room, _bob = await stage.enter("bob")
    assert room.text == "night"


async def test_a_file_that_was_forgotten_is_opened_after_a_crash_too(
    stage: Stage, autojump_clock: MockClock
) -> None:
    stage.integrator.answers[2] = [refused]
    await stage.edit()
    await stage.leave()
    await stage.enter("bob")
    await stage.crash()
    room, _bob = await stage.enter("bob")
    assert (room.text, room.forgotten) == ("good night", True)
    await stage.leave()
    assert stage.offered(stage.integrator.seen[-1][2]) == b"good night"
    assert (await stage.command("getForgottenList"))["keys"] == []


async def test_an_unchanged_document_needs_no_second_fetch(stage: Stage, autojump_clock: MockClock) -> None:
    await stage.enter()
    await stage.crash()
    assert (await stage.command("info"))["users"] == []
    assert stage.integrator.statuses == [1, 4]
    await stage.enter()
    assert len(stage.integrator.fetches) == 1


async def test_changes_to_a_forgotten_file_do_not_need_it_any_more(
    stage: Stage, autojump_clock: MockClock
) -> None:
    stage.integrator.answers[2] = [refused]
    await stage.edit()
    await stage.leave()
    await stage.edit("good night, Ada")
    await stage.crash()
    assert (await stage.command("deleteForgotten"))["error"] == 0
    room, _ada = await stage.enter()
    assert (room.text, len(stage.integrator.fetches)) == ("good night, Ada", 1)
    await stage.leave()
    assert stage.offered(stage.integrator.seen[-1][2]) == b"good night, Ada"


async def test_a_pending_status_3_is_sent_again(stage: Stage, autojump_clock: MockClock) -> None:
    stage.integrator.slow[3] = 100
    stage.fault("assembly", "fail")
    await stage.edit()
    await stage.leave(10)
    await stage.crash()
    stage.integrator.slow.clear()
    stage.integrator.answers[3] = [refused]
    await trio.sleep(10)
    assert stage.integrator.statuses == [1, 3, 3]
    await stage.crash()
    room, _ada = await stage.enter()
    assert room.text == "good night"


async def test_a_stop_right_after_a_crash_delivers_what_is_pending(
    stage: Stage, autojump_clock: MockClock
) -> None:
    stage.integrator.slow[2] = 100
    await stage.edit()
    await stage.leave(10)
    await stage.crash()
    stage.integrator.slow.clear()
    await stage.standin.drain()
    assert stage.integrator.statuses == [1, 2, 2]
    assert stage.offered(stage.integrator.seen[-1][2]) == b"good night"
