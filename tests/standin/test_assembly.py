"""When a document cannot be made into a file: statuses 3 and 7, and what their answers decide."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from tests.standin.stage import Stage, broken, refused


async def test_a_close_without_a_file_is_status_3(stage: Stage, autojump_clock: MockClock) -> None:
    await stage.edit()
    stage.fault("assembly", "fail")
    await stage.leave()
    final = stage.integrator.seen[-1][2]
    assert list(final) == ["key", "status", "users", "actions", "lastsave", "notmodified", "token"]
    assert (final["status"], final["users"], final["notmodified"]) == (3, ["ada"], False)
    assert final["actions"] == [{"type": 0, "userid": "ada"}]


async def test_to_accept_a_status_3_destroys_the_changes(stage: Stage, autojump_clock: MockClock) -> None:
    await stage.edit()
    stage.fault("assembly", "fail")
    await stage.leave()
    assert (await stage.command("getForgottenList"))["keys"] == []
    assert (await stage.command("info")) == {"key": "k", "error": 0, "users": []}
    assert stage.integrator.statuses == [1, 3, 4]
    assert stage.refuses("bob")
    await trio.sleep(300)
    room, _bob = await stage.enter("bob")
    assert room.text == "night"


@pytest.mark.parametrize(("answers", "attempts"), [([refused], 1), ([broken] * 4, 4)])
async def test_to_refuse_it_leaves_the_changes_where_they_are(
    stage: Stage, autojump_clock: MockClock, answers: list[object], attempts: int
) -> None:
    await stage.edit()
    stage.integrator.answers[3] = list(answers)  # type: ignore[arg-type]
    stage.fault("assembly", "fail")
    await stage.leave(60)
    assert stage.integrator.statuses == [1] + [3] * attempts
    assert (await stage.command("info")) == {"key": "k", "error": 0, "users": []}
    assert stage.integrator.seen[-1][2]["users"] == []
    assert (await stage.command("forcesave"))["error"] == 3
    assert (await stage.command("getForgottenList"))["keys"] == []
    room, _bob = await stage.enter("bob")
    assert (room.text, len(stage.integrator.fetches)) == ("good night", 1)
    await stage.leave()
    final = stage.integrator.seen[-1][2]
    assert (final["status"], final["users"], final["notmodified"]) == (2, ["ada"], False)
    assert stage.offered(final) == b"good night"


async def test_a_new_change_may_be_saved_again(stage: Stage, autojump_clock: MockClock) -> None:
    await stage.edit()
    stage.fault("assembly", "fail")
    assert (await stage.command("forcesave", userdata="tick"))["error"] == 0
    await trio.sleep(1)
    failed = stage.integrator.seen[-1][2]
    assert list(failed) == ["key", "status", "users", "userdata", "lastsave", "forcesavetype", "token"]
    assert (await stage.command("forcesave"))["error"] == 3
    room = stage.standin.rooms["k"]
    stage.standin.edit(room, room.editors[0], "good night!", None)
    assert (await stage.command("forcesave"))["error"] == 0
    await trio.sleep(1)
    assert stage.integrator.statuses == [1, 7, 6]


async def test_who_pressed_save_is_warned(stage: Stage, autojump_clock: MockClock) -> None:
    await stage.edit()
    stage.fault("assembly", "fail")
    room = stage.standin.rooms["k"]
    told = stage.listen(room.editors[0])
    stage.standin.press_save(room, room.editors[0])
    await trio.sleep(1)
    failed = stage.integrator.seen[-1][2]
    assert (failed["status"], failed["actions"], failed["forcesavetype"]) == (
        7,
        [{"type": 2, "userid": "ada"}],
        1,
    )
    assert "url" not in failed
    assert [message["code"] for message in told() if message["type"] == "warning"] == [-331]
    await stage.leave()
    assert stage.integrator.seen[-1][2]["notmodified"] is False


async def test_a_corrupt_file_is_offered_and_kept_when_refused(
    stage: Stage, autojump_clock: MockClock
) -> None:
    await stage.edit()
    stage.integrator.answers[3] = [refused]
    stage.fault("assembly", "corrupt")
    await stage.leave()
    final = stage.integrator.seen[-1][2]
    assert (final["status"], stage.offered(final)) == (3, b"good night")
    assert (await stage.command("getForgottenList"))["keys"] == ["k"]
    assert (await stage.command("info"))["error"] == 1


async def test_a_status_3_of_a_forgotten_file_leaves_it(stage: Stage, autojump_clock: MockClock) -> None:
    await stage.edit()
    stage.integrator.answers[2] = [refused]
    await stage.leave()
    await stage.enter("bob")
    stage.fault("assembly", "fail")
    await stage.leave()
    assert stage.integrator.statuses == [1, 2, 1, 3]
    assert (await stage.command("getForgottenList"))["keys"] == ["k"]
