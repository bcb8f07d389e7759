"""Pages that tell by themselves what happens to a file."""

from __future__ import annotations

import re
import time

from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.conftest import open_in
from tests.service import Service, eventually
from tests.trouble import break_, mend

SOON = 5_000  # milliseconds; the slow poll comes once a minute


def listed(tabs: BrowserContext, service: Service, query: str = "") -> Page:
    page = tabs.new_page()
    with page.expect_request(re.compile("/api/events")):
        page.goto(service.url + query)
    expect(state(page, "Welcome.docx")).to_have_text("closed")
    return page


def row(page: Page, name: str) -> Locator:
    return page.locator("tr", has=page.get_by_role("link", name=name, exact=True))


def state(page: Page, name: str) -> Locator:
    return row(page, name).locator(".state")


def show(page: Page, *, hidden: bool) -> None:
    value = str(hidden).lower()
    page.evaluate(f"Object.defineProperty(document, 'hidden', {{ value: {value}, configurable: true }})")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_the_list_tells_who_edits_and_what_was_saved(service: Service, tabs: BrowserContext) -> None:
    pages = [listed(tabs, service), listed(tabs, service, "/?as=Bob")]
    file = service.file("Welcome.docx")["id"]
    tab = open_in(tabs, service, file, "Ada")
    for page in pages:
        expect(state(page, "Welcome.docx")).to_have_text("being edited by Ada", timeout=SOON)
    tab.type("Everybody sees that this is saved. ")
    tab.save()
    for page in pages:
        expect(row(page, "Welcome.docx").locator(".version")).to_have_text("2", timeout=SOON)
        expect(page.get_by_role("status").last).to_have_text("Welcome.docx: saved v2")
    expect(state(pages[0], "Welcome.docx")).to_have_text("being edited by Ada", timeout=SOON)
    tab.close()
    eventually(lambda: service.file("Welcome.docx")["state"] == "closed", "the session is over")
    for page in pages:
        expect(state(page, "Welcome.docx")).to_have_text("closed", timeout=SOON)


def test_the_list_says_saved_before_it_says_anything_else(service: Service, tabs: BrowserContext) -> None:
    page = listed(tabs, service)
    tab = open_in(tabs, service, service.file("Welcome.docx")["id"])
    tab.type("News. ")
    tab.save()
    expect(state(page, "Welcome.docx")).to_have_text("saved v2", timeout=SOON)
    expect(state(page, "Welcome.docx")).to_have_text("being edited by You", timeout=SOON)
    tab.close()


def test_the_list_says_when_something_is_not_saved(service: Service, tabs: BrowserContext) -> None:
    page = listed(tabs, service)
    tab = open_in(tabs, service, service.file("Welcome.docx")["id"])
    places = (service.data / "blobs", service.data / "overflow")
    for place in places:
        break_(place)
    tab.type("Nobody can keep this. ")
    tab.save()
    expect(state(page, "Welcome.docx")).to_have_text("not saved! by You", timeout=2 * SOON)
    expect(page.get_by_role("status").last).to_contain_text("Welcome.docx: not saved!")
    for place in places:
        mend(place)
    expect(row(page, "Welcome.docx").locator(".version")).to_have_text("2", timeout=4 * SOON)
    expect(state(page, "Welcome.docx")).to_have_text("being edited by You", timeout=SOON)
    tab.page.close()


def test_files_come_are_renamed_and_go_without_a_reload(service: Service, tabs: BrowserContext) -> None:
    page = listed(tabs, service)
    page.evaluate("window.same = true")
    added = service.client.post("/api/files?as=Bob", files={"file": ("Bobs.txt", b"words")}).json()
    path = f"/api/files/{added['id']}?as=Bob"
    service.client.patch(path, json={"shares": {"*": "view"}})
    expect(state(page, "Bobs.txt")).to_have_text("closed", timeout=SOON)
    assert page.locator("tbody tr").first.get_attribute("data-id") == added["id"], "the newest first"
    service.client.patch(path, json={"name": "Bobs letter.txt"})
    expect(row(page, "Bobs letter.txt")).to_be_visible(timeout=SOON)
    service.client.delete(path)
    expect(page.get_by_role("link", name="Bobs letter.txt")).to_have_count(0, timeout=SOON)
    assert page.evaluate("window.same"), "and it is still the same page"


def test_a_hidden_page_hears_nothing_and_makes_up_for_it(service: Service, tabs: BrowserContext) -> None:
    page = listed(tabs, service)
    other = listed(tabs, service)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    show(page, hidden=True)
    tab = open_in(tabs, service, service.file("Welcome.docx")["id"])
    expect(state(other, "Welcome.docx")).to_have_text("being edited by You", timeout=SOON)
    assert (asked, state(page, "Welcome.docx").text_content()) == ([], "closed")
    show(page, hidden=False)
    expect(state(page, "Welcome.docx")).to_have_text("being edited by You", timeout=SOON)
    (events,) = [url for url in asked if "/api/events" in url]
    assert re.search(r"after=\d+$", events), "it goes on where it was"
    tab.close()


def test_without_a_stream_the_list_looks_for_itself(service: Service, tabs: BrowserContext) -> None:
    tabs.route(
        re.compile("/api/events"), lambda route: route.fulfill(status=503, json={"message": "Crowded."})
    )
    page = listed(tabs, service)
    tab = open_in(tabs, service, service.file("Welcome.docx")["id"])
    expect(state(page, "Welcome.docx")).to_have_text("being edited by You", timeout=2 * SOON)
    tab.page.close()


def test_the_list_goes_on_after_a_restart(service: Service, tabs: BrowserContext) -> None:
    page = listed(tabs, service)
    service.kill()
    service.start()
    service.client.post("/api/files", files={"file": ("After.txt", b"words")})
    expect(state(page, "After.txt")).to_have_text("closed", timeout=3 * SOON)


def test_the_editors_page_hears_at_once_what_was_stored_and_asks_for_no_more(
    service: Service, tabs: BrowserContext
) -> None:
    tab = open_in(tabs, service, service.file("Welcome.docx")["id"])
    asked: list[float] = []
    tab.page.on(
        "request", lambda request: asked.append(time.monotonic()) if "/documents/" in request.url else None
    )
    tab.page.wait_for_timeout(4_000)  # more than a poll as it was without a stream
    assert len(asked) <= 1
    tab.type("Stored. ")
    tab.save()
    expect(tab.page.locator("#status")).to_contain_text("stored version 2", timeout=2_500)
    eventually(lambda: asked, "it asked because it heard")
    tab.close()
