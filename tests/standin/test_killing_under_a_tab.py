"""A stand-in that is killed under a real browser tab: the tab comes back, and nothing is missing."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page

from tests.contract.editing import Desk
from tests.contract.integrator import integrator
from tests.contract.servers import DocumentServer
from tests.contract.word import letter, words
from tests.service import eventually
from tests.standin.killable import SECRET, Killable


def said(page: Page) -> str:
    return page.frame_locator("iframe").locator("#status").inner_text()


def text(page: Page) -> str:
    return page.frame_locator("iframe").locator("#text").input_value()


@pytest.mark.parametrize("in_flight", ["", " in flight"])
def test_a_tab_comes_back_and_goes_on(server: Killable, browser: Browser, in_flight: str) -> None:
    with integrator(SECRET, letter()) as ours:
        desk = Desk(DocumentServer(server.url, SECRET, real=False), ours, browser, "k")
        page = desk.open()
        desk.type(page, " before")
        server.freeze()
        page.keyboard.type(in_flight)
        server.kill()
        eventually(lambda: "Connection is lost" in said(page), "the tab has noticed")
        server.start()
        assert ours.wait("k", 1, 2).claims["actions"] == [{"type": 1, "userid": "ada"}]
        eventually(lambda: said(page) in {"Ready", "All changes saved"}, "the tab is back")
        if not in_flight:
            assert server.command(c="forcesave", key="k")["error"] == 4
        assert text(page).endswith(" before" + in_flight)
        desk.type(page, " after")
        desk.leave_all()
        final = ours.wait("k", 2).claims
        assert words(server.fetch(final["url"]).content).endswith(f" before{in_flight} after")
        assert len(ours.fetches) == 1


def test_a_tab_closed_meanwhile_leaves_its_changes(server: Killable, browser: Browser) -> None:
    with integrator(SECRET, letter()) as ours:
        desk = Desk(DocumentServer(server.url, SECRET, real=False), ours, browser, "k")
        page = desk.open()
        desk.type(page, " orphaned")
        server.kill()
        desk.leave_all()
        server.start()
        assert server.command(c="info", key="k") == {"key": "k", "error": 0, "users": []}
        assert [each.claims.get("users") for each in ours.received("k", 1)][1:] == [[]]
        page = desk.open("bob")
        assert text(page).endswith(" orphaned")
        page.close()
        final = ours.wait("k", 2).claims
        assert (final["users"], final["actions"]) == (["ada"], [{"type": 0, "userid": "bob"}])
        assert words(server.fetch(final["url"]).content).endswith(" orphaned")
