"""Old versions in the editor's own panel: looked at, and brought back."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, Route, expect

from tests.browser.conftest import Tab, open_in, words_of
from tests.service import Service, eventually

OLDER, NEWER = "Older words. ", "Newer words. "


def two_versions(service: Service, tabs: BrowserContext, as_: str = "") -> tuple[str, Tab]:
    """A file with what it came with, and with words that Ctrl+S has stored."""
    file = service.file("Welcome.docx")["id"]
    tab = open_in(tabs, service, file, as_)
    tab.type(OLDER)
    tab.save()
    eventually(lambda: len(service.versions(file)) == 2, "the older words are stored")
    return file, tab


def open_panel(tab: Tab) -> None:
    tab.editor.get_by_role("button", name="Version history").click()
    expect(tab.editor.get_by_role("heading", name="Version history")).to_be_visible()


def choose(tab: Tab, number: int) -> None:
    tab.editor.get_by_role("button", name=re.compile(rf"^Version {number},")).click()


def test_an_old_version_is_looked_at_and_restored_and_the_page_goes_on_with_it(
    service: Service, tabs: BrowserContext
) -> None:
    file, tab = two_versions(service, tabs)
    key = service.key(file)
    tab.type(NEWER)
    open_panel(tab)
    newest = tab.editor.locator("#versions-list button").first
    expect(newest).to_contain_text("Version 3", timeout=20_000)
    expect(newest).to_contain_text("You")
    expect(tab.text).to_have_value(re.compile(NEWER + OLDER))
    assert service.document(key)["state"] == "closed", "whoever looks at the history has left the editing"
    choose(tab, 2)
    expect(tab.text).to_have_value(re.compile(f"^{OLDER}"))
    expect(tab.text).not_to_be_editable()
    tab.editor.get_by_role("button", name="Restore").click()
    expect(tab.editor.locator("#versions-list button").first).to_contain_text("Version 4")
    assert [version["trigger"] for version in service.versions(file)][-1] == "restore"
    tab.editor.get_by_role("button", name="Close history").click()
    expect(tab.text).to_be_editable()
    expect(tab.text).to_have_value(re.compile(f"^{OLDER}"))
    tab.type("And on. ")
    tab.save()
    eventually(lambda: len(service.versions(file)) == 5, "the new session saves")
    assert "And on. " + OLDER in words_of(service.content(file, 5))
    assert service.key(file) != key
    tab.close()


def test_closing_the_history_without_a_change_brings_the_editor_back(
    service: Service, tabs: BrowserContext
) -> None:
    file = service.file("Welcome.docx")["id"]
    tab = open_in(tabs, service, file)
    open_panel(tab)
    expect(tab.editor.get_by_role("button", name="Restore")).to_be_disabled()
    tab.editor.get_by_role("button", name="Close history").click()
    expect(tab.text).to_be_editable()
    expect(tab.editor.locator("#versions")).to_be_hidden()
    assert len(service.versions(file)) == 1
    tab.close()


def test_who_may_only_view_looks_and_cannot_restore(service: Service, tabs: BrowserContext) -> None:
    file, tab = two_versions(service, tabs)
    page = tabs.new_page()
    page.goto(f"{service.url}/api/onlyoffice/viewer/{file}?as=Bob&mode=view")
    editor = page.frame_locator("iframe[name=frameEditor]")
    editor.get_by_role("button", name="Version history").click()
    editor.get_by_role("button", name=re.compile("^Version 1,")).click()
    expect(editor.locator("#text")).to_have_value(re.compile("^(?!Older)."))
    expect(editor.get_by_role("button", name="Restore")).to_be_hidden()
    page.close()
    tab.close()


def test_an_error_is_told_in_the_panel(service: Service, tabs: BrowserContext) -> None:
    _, tab = two_versions(service, tabs)
    open_panel(tab)
    tab.page.route("**/history/1*", lambda route: route.fulfill(status=503, json={"message": "No storage."}))
    choose(tab, 1)
    expect(tab.editor.locator("#status")).to_have_text("No storage.")
    expect(tab.text).to_have_value("")
    tab.page.close()


@pytest.fixture
def phone(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 390, "height": 780}, has_touch=True)
    context.set_default_timeout(20_000)
    yield context
    context.close()


def test_on_a_phone_and_by_keyboard(service: Service, phone: BrowserContext) -> None:
    _, tab = two_versions(service, phone)
    tab.editor.get_by_role("button", name="Version history").focus()
    tab.page.keyboard.press("Enter")
    expect(tab.editor.locator("#versions-list button").first).to_contain_text("Version 2")
    reached = press_tab_until(tab, "Version 1,")
    assert reached < 10
    tab.page.keyboard.press("Enter")
    expect(tab.text).to_have_value(re.compile("^(?!Older)."))
    width = tab.editor.locator("html").evaluate("html => html.scrollWidth - html.clientWidth")
    assert width <= 0, "nothing is cut off at the side"
    press_tab_until(tab, "Restore")
    tab.page.keyboard.press("Enter")
    first = tab.editor.locator("#versions-list button").first
    expect(first).to_contain_text("Version 3", timeout=20_000)  # the session's end comes first
    tab.close()


def press_tab_until(tab: Tab, words: str) -> int:
    focused = "html => html.ownerDocument.activeElement.textContent"
    for presses in range(1, 20):
        tab.page.keyboard.press("Tab")
        if words in tab.editor.locator("html").evaluate(focused):
            return presses
    raise AssertionError(f"{words} cannot be reached by keyboard")


# -- a document that is replaced from outside -----------------------------------------------------------


def told(page: Page, **more: bool) -> None:
    """What the service says of a document from now on, with these fields besides."""
    page.route(
        re.compile(r"/api/documents/[^/]+$"),
        lambda route: route.fulfill(json={**route.fetch().json(), **more}),
    )


def look(page: Page) -> None:
    """As a page does that is shown again: nothing has been recorded, so it hears of nothing."""
    for hidden in ("true", "false"):
        page.evaluate(f"Object.defineProperty(document, 'hidden', {{ value: {hidden}, configurable: true }})")
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def requests(page: Page, part: str) -> list[str]:
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url) if part in request.url else None)
    return seen


def test_an_outdated_page_goes_on_with_the_new_version_and_says_so_once(
    service: Service, tabs: BrowserContext
) -> None:
    _, tab = two_versions(service, tabs)
    asked, looks = requests(tab.page, "/config/"), requests(tab.page, "/api/documents/")
    told(tab.page, outdated=True)
    look(tab.page)
    notice = tab.page.get_by_role("alert")
    expect(notice).to_have_text("The file was replaced; this is the new version.", timeout=10_000)
    for seen in range(1, 4):
        look(tab.page)
        eventually(lambda: tab.page.wait_for_timeout(50) or len(looks) >= seen, "the page has looked")  # noqa: B023
    assert len(asked) == 1, "a fresh configuration with the same key is no reason to ask again"
    tab.page.close()


def test_a_page_whose_file_moved_on_outside_says_what_becomes_of_the_typed(
    service: Service, tabs: BrowserContext
) -> None:
    _, tab = two_versions(service, tabs)
    told(tab.page, conflict=True)
    look(tab.page)
    notice = tab.page.get_by_role("alert")
    expect(notice).to_contain_text("kept as a separate version", timeout=10_000)
    tab.page.unroute_all()
    look(tab.page)
    expect(notice).to_be_hidden(timeout=10_000)
    tab.page.close()


def test_a_version_that_is_looked_at_stays_when_the_page_first_hears_of_its_session(
    service: Service, tabs: BrowserContext
) -> None:
    file, _ = two_versions(service, tabs)
    page = tabs.new_page()
    held: list[Route] | None = []

    def hold(route: Route) -> None:
        if held is None:
            route.continue_()
        else:
            held.append(route)

    sessions = re.compile("[0-9]/api/documents/")  # not the server's web-apps/apps/api/documents
    page.route(sessions, hold)
    lists = requests(page, f"/api/files/{file}/history")
    page.goto(f"{service.url}/api/onlyoffice/viewer/{file}?as=Bob&mode=view", wait_until="domcontentloaded")
    editor = page.frame_locator("iframe[name=frameEditor]")
    editor.get_by_role("button", name="Version history").click()
    editor.get_by_role("button", name=re.compile("^Version 1,")).click()
    first = re.compile("^(?!Older).")
    expect(editor.locator("#text")).to_have_value(first)
    eventually(lambda: page.wait_for_timeout(50) or held, "the page asks how its session is")
    asked = len(lists)
    waiting, held = held, None
    for route in waiting:
        route.continue_()
    expect(page.locator("#status")).to_contain_text("stored version 2")
    page.wait_for_timeout(500)
    assert len(lists) == asked, "what is listed is not news"
    expect(editor.locator("#text")).to_have_value(first)


def test_the_list_restores_a_version_after_asking(service: Service, tabs: BrowserContext) -> None:
    file, tab = two_versions(service, tabs)
    tab.close()
    eventually(lambda: service.file("Welcome.docx")["state"] == "closed", "the session is over")
    page = tabs.new_page()
    page.goto(service.url)
    row = page.locator("tr", has=page.get_by_role("link", name="Welcome.docx"))
    row.locator("summary").click()
    expect(row.locator(".versions li")).to_have_count(2)
    expect(row.get_by_role("button", name="Restore version 2")).to_have_count(0)
    asked: list[str] = []

    def answer(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.accept() if len(asked) > 1 else dialog.dismiss()

    page.on("dialog", answer)
    button = row.get_by_role("button", name="Restore version 1")
    button.click()
    assert len(service.versions(file)) == 2
    button.click()
    expect(row.locator(".version")).to_have_text("3")
    expect(row.locator(".versions li").first).to_contain_text("restore of v1 by You")
    assert len(asked) == 2
    assert service.content(file, 3) == service.content(file, 1)
