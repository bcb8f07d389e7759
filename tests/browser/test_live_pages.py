"""Pages that go on by themselves, and leave whoever reads them alone."""

from __future__ import annotations

import re

from playwright.sync_api import BrowserContext, expect

from tests.browser.conftest import open_in
from tests.service import Service, eventually


def test_a_files_page_tells_what_happens_while_it_is_read(service: Service, tabs: BrowserContext) -> None:
    file = service.file("Welcome.docx")["id"]
    page = tabs.new_page()
    page.goto(f"{service.url}/files/{file}")
    uploaded = page.get_by_role("link", name="Download v1")
    uploaded.focus()
    tab = open_in(tabs, service, file, "Ada")
    expect(page.locator("#facts .chip")).to_have_text("being edited by Ada", timeout=10_000)
    tab.type("News. ")
    tab.save()
    expect(page.locator(".timeline")).to_contain_text("Saved as version 2", timeout=10_000)
    expect(page.get_by_role("row", name=re.compile("^v2 current"))).to_be_visible()
    expect(page.get_by_role("link", name="Restore version 1")).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("The life of"))).to_have_count(1)
    expect(page.locator("#news")).to_contain_text("version 2")
    expect(uploaded).to_be_focused()
    tab.close()
    expect(page.locator("#sessions-now .chip")).to_have_text("closed", timeout=10_000)


def test_a_sessions_page_follows_from_its_end_and_stays_where_one_looks(
    service: Service, tabs: BrowserContext
) -> None:
    file = service.file("Welcome.docx")["id"]
    tab = open_in(tabs, service, file, "Ada")
    key = service.key(file)
    eventually(lambda: "Joined" in service.types(key), "Ada is there")
    following, looking = tabs.new_page(), tabs.new_page()
    following.goto(f"{service.url}/documents/{key}")
    looking.goto(f"{service.url}/documents/{key}?after=1")
    tab.type("News. ")
    tab.save()
    for page in (following, looking):
        expect(page.locator(".timeline")).to_contain_text("Saved as version 2", timeout=10_000)
    expect(following.locator("#state")).to_contain_text("version 2, began with 1")
    expect(looking.locator("#moment-words")).to_contain_text("After event 1 of")
    expect(looking.locator("#state")).to_contain_text("nobody")
    expect(looking.locator(".timeline [aria-current]")).to_have_attribute("data-number", "1")
    tab.close()
    expect(following.locator("#state")).to_contain_text("everything is saved", timeout=10_000)
    last = following.get_by_role("slider").get_attribute("max")
    expect(following.get_by_role("slider")).to_have_value(str(last))
