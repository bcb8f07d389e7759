"""What a server makes of permissions that allow less than editing, and of a new title."""

from __future__ import annotations

import httpx
import pytest

from tests.contract.editing import READY, Desk, first_event
from tests.contract.integrator import HANDLED
from tests.contract.word import words

NOTHING = {"edit": False, "review": False, "comment": False, "fillForms": False}
REVIEW = NOTHING | {"review": True, "comment": True}


@pytest.mark.parametrize("allowed", ["comment", "fillForms"])
def test_who_may_not_write_joins_all_the_same_and_changes_nothing(desk: Desk, allowed: str) -> None:
    page = desk.open("bob", document={"permissions": NOTHING | {allowed: True}})
    assert desk.ours.wait(desk.key, 1).claims["users"] == ["bob"]
    assert first_event(page, "onInfo")["mode"] == "view"
    desk.server.type(page, " not mine to write")
    page.close()
    desk.ours.wait(desk.key, 4)
    assert desk.ours.received(desk.key, 2) == []


def test_a_reviewers_suggestions_are_saved(desk: Desk) -> None:
    page = desk.open("bob", document={"permissions": REVIEW})
    assert first_event(page, "onInfo")["mode"] == "edit"
    desk.type(page, " as I suggest")
    assert desk.server.command(c="forcesave", key=desk.key)["error"] == 0
    saved = desk.ours.wait(desk.key, 6).claims
    assert "as I suggest" in words(httpx.get(saved["url"], trust_env=False).raise_for_status().content)


def test_who_may_do_nothing_only_looks_on(desk: Desk) -> None:
    page = desk.open(document={"permissions": NOTHING})
    assert first_event(page, "onInfo")["mode"] == "view"
    page.close()
    assert desk.ours.received(desk.key) == []


def test_a_new_title_reaches_every_page(desk: Desk) -> None:
    pages = []
    for user, mode in (("ada", "edit"), ("bob", "view")):
        pages.append(desk.visit(desk.config(user, mode=mode), [*HANDLED, "onMetaChange"]))
        pages[-1].wait_for_function(READY)
    answer = desk.server.command(c="meta", key=desk.key, meta={"title": "minutes.docx"})
    assert answer == {"key": desk.key, "error": 0}
    assert [first_event(page, "onMetaChange")["title"] for page in pages] == ["minutes.docx"] * 2
