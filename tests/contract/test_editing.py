"""What an integrator sees of an editing session, from the first callback to the last."""

from __future__ import annotations

import httpx
import jwt

from tests.contract.editing import Desk, first_event
from tests.contract.integrator import Received
from tests.contract.word import words


def download(received: Received) -> bytes:
    return httpx.get(received.claims["url"], trust_env=False).raise_for_status().content


def test_joining_is_told_before_the_document_is_fetched(desk: Desk) -> None:
    page = desk.open()
    joined = desk.ours.wait(desk.key, 1)
    assert joined.claims["users"] == ["ada"]
    assert joined.claims["actions"] == [{"type": 1, "userid": "ada"}]
    assert joined.path == "/callback?who=ada"
    assert first_event(page, "onInfo") == {"mode": "edit"}


def test_a_callback_carries_its_token_twice(desk: Desk) -> None:
    desk.open()
    joined = desk.ours.wait(desk.key, 1)
    header = joined.headers["Authorization"].removeprefix("Bearer ")
    claims = jwt.decode(header, desk.ours.secret, algorithms=["HS256"])
    assert claims["payload"]["users"] == joined.body["users"] == joined.claims["users"]
    assert claims["exp"] - claims["iat"] == joined.claims["exp"] - joined.claims["iat"] == 300


def test_the_document_is_fetched_once_with_a_signed_url(desk: Desk) -> None:
    desk.open("ada")
    desk.open("bob")
    (fetch,) = desk.ours.fetches
    token = fetch["Authorization"].removeprefix("Bearer ")
    claims = jwt.decode(token, desk.ours.secret, algorithms=["HS256"])
    assert claims["payload"] == {"url": desk.config()["document"]["url"]}


def test_a_forcesave_command_brings_what_was_typed(desk: Desk) -> None:
    page = desk.open()
    assert desk.server.command(c="forcesave", key=desk.key)["error"] == 4, "no change yet"
    desk.type(page, " Sleep well & dream")
    assert desk.server.command(c="forcesave", key=desk.key, userdata="tick") == {"key": desk.key, "error": 0}
    saved = desk.ours.wait(desk.key, 6).claims
    assert (saved["forcesavetype"], saved["users"], saved["userdata"]) == (0, ["ada"], "tick")
    assert saved["filetype"] == "docx"
    assert "actions" not in saved
    assert saved["history"]["changes"][0]["user"] == {"id": "ada", "name": "Ada"}
    assert "Sleep well & dream" in words(download(desk.ours.wait(desk.key, 6)))
    assert desk.server.command(c="forcesave", key=desk.key)["error"] == 4, "nothing new"


def test_ctrl_s_saves_when_the_integrator_wants_it(desk: Desk) -> None:
    page = desk.open()
    page.keyboard.press("Control+s")
    desk.type(page, " by hand")
    page.keyboard.press("Control+s")
    saved = desk.ours.wait(desk.key, 6)
    assert saved.claims["forcesavetype"] == 1
    assert saved.claims["actions"] == [{"type": 2, "userid": "ada"}]
    assert "by hand" in words(download(saved))
    assert len(desk.ours.received(desk.key, 6)) == 1


def test_ctrl_s_is_silent_without_the_flag(desk: Desk) -> None:
    page = desk.open(customization={"forcesave": False})
    desk.type(page, " quietly")
    page.keyboard.press("Control+s")
    page.close()
    assert "quietly" in words(download(desk.ours.wait(desk.key, 2)))
    assert desk.ours.received(desk.key, 6) == []


def test_the_last_to_leave_causes_the_final_save(desk: Desk) -> None:
    page = desk.open()
    desk.type(page, " The end.")
    page.close()
    final = desk.ours.wait(desk.key, 2)
    assert final.claims["notmodified"] is False
    assert final.claims["actions"] == [{"type": 0, "userid": "ada"}]
    assert "The end." in words(download(final))
    assert download(final)[:2] == httpx.get(final.claims["changesurl"], trust_env=False).content[:2] == b"PK"


def test_a_final_save_says_when_a_forcesave_had_it_all(desk: Desk) -> None:
    page = desk.open()
    desk.type(page, " twice")
    desk.server.command(c="forcesave", key=desk.key)
    desk.ours.wait(desk.key, 6)
    page.close()
    assert desk.ours.wait(desk.key, 2).claims["notmodified"] is True


def test_leaving_without_a_change_is_status_4(desk: Desk) -> None:
    desk.open().close()
    left = desk.ours.wait(desk.key, 4).claims
    assert left["actions"] == [{"type": 0, "userid": "ada"}]
    assert "users" not in left


def test_info_calls_back_before_it_answers(desk: Desk) -> None:
    desk.open()
    desk.ours.wait(desk.key, 1)
    answer = desk.server.command(c="info", key=desk.key, userdata="who")
    asked = desk.ours.received(desk.key, 1)[1:]
    assert answer == {"key": desk.key, "error": 0, "users": ["ada"]}
    assert [each.claims["userdata"] for each in asked] == ["who"]
    assert "actions" not in asked[0].claims


def test_looking_on_causes_no_callback(desk: Desk) -> None:
    page = desk.open(mode="view")
    assert first_event(page, "onInfo")["mode"] == "view"
    page.close()
    assert desk.server.command(c="info", key=desk.key)["users"] == []
    assert [each.status for each in desk.ours.received(desk.key)] == [4], "only the one that info caused"


def test_two_people_write_one_document(desk: Desk) -> None:
    ada, bob = desk.open("ada"), desk.open("bob")
    assert desk.ours.wait(desk.key, 1, 2).claims["users"] == ["ada", "bob"]
    desk.type(ada, " from Ada")
    desk.type(bob, " from Bob")
    ada.close()
    assert desk.ours.wait(desk.key, 1, 3).claims["users"] == ["bob"]
    bob.close()
    final = desk.ours.wait(desk.key, 2)
    assert final.path == "/callback?who=bob"
    assert final.claims["users"] == ["bob"], "the author of the last change"
    assert [run["user"]["id"] for run in final.claims["history"]["changes"]] == ["ada", "bob"]
    assert "from Ada" in words(download(final))
    assert "from Bob" in words(download(final))


def test_one_of_two_tabs_of_the_same_person_closes(desk: Desk) -> None:
    page = desk.open("ada")
    desk.open("ada")
    assert desk.ours.wait(desk.key, 1, 2).claims["users"] == ["ada"]
    page.close()
    left = desk.ours.wait(desk.key, 1, 3).claims
    assert (left["users"], left["actions"]) == (["ada"], [{"type": 0, "userid": "ada"}])


def test_without_a_callback_url_there_is_nobody_to_tell(desk: Desk) -> None:
    page = desk.open(callbackUrl=None)
    desk.type(page, " for nobody")
    assert desk.server.command(c="forcesave", key=desk.key)["error"] == 4
    assert desk.server.command(c="info", key=desk.key)["error"] == 2
    assert desk.ours.received(desk.key) == []
