"""What the Document Server does when the integrator, the network or the configuration fails."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.contract.editing import Desk, first_event
from tests.contract.word import words

REFUSED = (200, '{"error":1}')
BROKEN = (500, "boom")


def path_of(url: str) -> str:
    return urlsplit(url).path


def test_a_refused_forcesave_is_offered_again_by_the_next_command(desk: Desk) -> None:
    page = desk.open()
    desk.type(page, " hard to save")
    desk.ours.answers.append(REFUSED)
    page.keyboard.press("Control+s")
    assert first_event(page, "onWarning")["warningCode"] == -331
    first = desk.ours.wait(desk.key, 6).claims
    assert desk.server.command(c="forcesave", key=desk.key, userdata="again")["error"] == 0
    again = desk.ours.received(desk.key, 6)[1].claims  # there before the command answered
    assert path_of(again["url"]) == path_of(first["url"])
    assert again["forcesavetype"] == 0
    assert "userdata" not in again, "the command that asks again lends nothing to it"
    assert "actions" not in again
    assert desk.server.command(c="forcesave", key=desk.key)["error"] == 4
    page.close()
    assert desk.ours.wait(desk.key, 2).claims["notmodified"] is True


@pytest.mark.parametrize("answer", [REFUSED, (201, '{"error":0}')])
def test_a_refused_final_save_is_kept_as_forgotten(desk: Desk, answer: tuple[int, str]) -> None:
    page = desk.open()
    desk.type(page, " nearly lost")
    desk.ours.answers.append(answer)
    page.close()
    desk.ours.wait(desk.key, 2)
    assert forgotten(desk)
    assert desk.server.command(c="info", key=desk.key)["error"] == 1
    kept = desk.server.command(c="getForgotten", key=desk.key)
    assert "nearly lost" in words(httpx.get(kept["url"], trust_env=False).content)
    assert desk.server.command(c="deleteForgotten", key=desk.key) == {"key": desk.key, "error": 0}
    assert desk.server.command(c="deleteForgotten", key=desk.key) == {"key": desk.key, "error": 1}
    assert len(desk.ours.received(desk.key, 2)) == 1, "no retry"


def test_a_forgotten_document_comes_back_under_its_key(desk: Desk) -> None:
    page = desk.open()
    desk.type(page, " remembered")
    desk.ours.answers.append(REFUSED)
    page.close()
    desk.ours.wait(desk.key, 2)
    assert forgotten(desk)
    page = desk.open("bob")
    assert len(desk.ours.fetches) == 1, "the forgotten file is opened, not the integrator's"
    assert first_event(page, "onWarning")["warningCode"] == -104
    assert desk.server.command(c="forcesave", key=desk.key)["error"] == 4
    page.close()
    final = desk.ours.wait(desk.key, 2, 2).claims
    assert (final["users"], final["history"], final["notmodified"]) == (["bob"], {}, None)
    assert "changesurl" not in final
    assert "remembered" in words(httpx.get(final["url"], trust_env=False).content)
    assert not forgotten(desk, expected=False)


def test_a_final_save_is_retried_when_the_integrator_breaks(desk: Desk) -> None:
    page = desk.open()
    desk.type(page, " once more")
    desk.ours.answers.append(BROKEN)
    page.close()
    second = desk.ours.wait(desk.key, 2, 2).claims
    first = desk.ours.received(desk.key, 2)[0].claims
    assert path_of(first["url"]) == path_of(second["url"])
    assert not forgotten(desk, expected=False)


def test_after_four_attempts_the_final_save_is_kept_as_forgotten(desk: Desk) -> None:
    page = desk.open()
    desk.type(page, " in vain")
    desk.ours.answers.extend([BROKEN] * 4)
    page.close()
    desk.ours.wait(desk.key, 2, 4)
    assert forgotten(desk)
    assert desk.server.command(c="deleteForgotten", key=desk.key)["error"] == 0
    desk.open()
    assert len(desk.ours.fetches) == 2, "the key is fresh again"
    assert len(desk.ours.received(desk.key, 2)) == 4


def test_reopening_between_two_attempts_goes_on_editing(desk: Desk) -> None:
    page = desk.open()
    desk.type(page, " first")
    desk.ours.answers.extend([BROKEN] * 3)
    page.close()
    desk.ours.wait(desk.key, 2, 3)  # the fourth would come four seconds later
    page = desk.open("bob")
    desk.type(page, " second")
    page.close()
    final = desk.ours.wait(desk.key, 2, 4).claims
    assert final["users"] == ["bob"]
    assert "first second" in words(httpx.get(final["url"], trust_env=False).content)
    assert len(desk.ours.fetches) == 1
    assert not forgotten(desk, expected=False)


def test_a_document_that_cannot_be_had_is_asked_for_three_times(desk: Desk) -> None:
    page = desk.visit(desk.config(document={"url": f"{desk.ours.url}/files/missing?{desk.key}"}))
    assert first_event(page, "onError") == {"errorCode": -4, "errorDescription": "Download failed."}
    assert len(desk.ours.fetches) == 3
    page.close()
    desk.ours.wait(desk.key, 4)
    desk.open()  # the key is not spoilt


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"token": ""}, -20),
        ({"token": "rubbish"}, -20),
        ({"exp": 1_000_000_000}, -21),
        ({"document": {"key": "a key/with:more"}}, -23),
    ],
)
def test_a_bad_configuration_is_shown_and_goes_no_further(
    desk: Desk, changes: dict[str, Any], code: int
) -> None:
    config = desk.config(document=changes.pop("document", {})) | changes
    page = desk.visit(config)
    assert first_event(page, "onError")["errorCode"] == code
    assert desk.ours.received(desk.key) == []
    assert desk.ours.fetches == []


def test_a_saved_key_is_outdated(desk: Desk) -> None:
    page = desk.open()
    desk.type(page, " v2")
    page.close()
    desk.ours.wait(desk.key, 2)
    handled = ["onRequestRefreshFile", "onDocumentReady"]
    page = desk.visit(desk.config(), handled)
    first_event(page, "onRequestRefreshFile")
    assert len(desk.ours.fetches) == 1
    fresh = desk.config(document={"key": f"{desk.key}-2"})
    fresh["token"] = desk.server.token(fresh)
    page.evaluate("config => window.editor.refreshFile(config)", fresh)
    first_event(page, "onDocumentReady")
    desk.ours.wait(f"{desk.key}-2", 1)


def test_a_page_that_cannot_refresh_says_that_the_version_changed(desk: Desk) -> None:
    page = desk.open()
    desk.type(page, " v2")
    page.close()
    desk.ours.wait(desk.key, 2)
    page = desk.visit(desk.config(), ["onAppReady"])
    page.frame_locator("iframe").get_by_text("The file version has been changed").wait_for()


def test_a_key_closed_unchanged_is_served_from_the_cache(desk: Desk) -> None:
    desk.open().close()
    desk.ours.wait(desk.key, 4)
    desk.open()
    desk.ours.wait(desk.key, 1, 2)
    assert len(desk.ours.fetches) == 1


def test_coming_back_in_time_goes_on_with_the_session(patient_desk: Desk) -> None:
    desk = patient_desk
    page = desk.open()
    desk.type(page, " before")
    page.reload()
    back = desk.ours.wait(desk.key, 1, 2).claims
    assert back["actions"] == [{"type": 1, "userid": "ada"}]
    first_event(page, "onDocumentReady")
    desk.type(page, " after")
    desk.server.command(c="forcesave", key=desk.key)
    saved = desk.ours.wait(desk.key, 6).claims
    assert "before after" in words(httpx.get(saved["url"], trust_env=False).content)
    assert [each.status for each in desk.ours.received(desk.key)] == [1, 1, 6]


def test_dropped_people_cause_the_final_save_at_once(desk: Desk) -> None:
    page = desk.open()
    desk.type(page, " half a sent")
    assert desk.server.command(c="drop", key=desk.key, users=["nobody"])["error"] == 0
    assert desk.server.command(c="drop", key=desk.key, users=["ada"])["error"] == 0
    desk.ours.wait(desk.key, 2)
    page.frame_locator("iframe").get_by_text("The file cannot be accessed right now").wait_for()


def test_a_result_url_is_signed_and_may_be_read_in_parts(desk: Desk) -> None:
    page = desk.open()
    desk.type(page, " x")
    desk.server.command(c="forcesave", key=desk.key)
    url = desk.ours.wait(desk.key, 6).claims["url"]
    with httpx.Client(trust_env=False) as client:
        whole = client.get(url)
        part = client.get(url, headers={"Range": "bytes=10-19"})
        assert (part.status_code, part.content) == (206, whole.content[10:20])
        assert part.headers["Content-Range"] == f"bytes 10-19/{len(whole.content)}"
        assert client.get(url, headers={"If-None-Match": whole.headers["ETag"]}).status_code == 304
        assert client.get(url.replace("md5=", "md5=x")).status_code == 403
        assert client.get(url.replace("expires=", "expires=1")).status_code == 403
        assert client.get(url.partition("?")[0]).status_code == 403
        assert client.head(url).status_code == 404


def forgotten(desk: Desk, expected: bool = True) -> bool:
    """Whether the key is in the list; the server may take a moment after our answer."""
    for _attempt in range(50):
        there = desk.key in desk.server.command(c="getForgottenList")["keys"]
        if there is expected:
            return there
        time.sleep(0.1)  # another process: the list is all there is to wait on
    return not expected
