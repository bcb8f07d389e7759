"""The pages as people see and use them: in both schemes, on small screens, by keyboard, without scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import open_in
from tests.browser.looks import LOOKS, TOO_WIDE, Look, complaints, inaccessible, looking, photograph
from tests.browser.past import HEBREW, HOSTILE, write_past
from tests.service import Service, eventually, running
from tests.trouble import broken

LONG = "W" * 90 + " דוח שנתי (סופי) 2026.csv"
DESK = Look("light", 1280, 900)
REACHED = """() => {
  const focused = document.activeElement;
  if (!focused || focused === document.body) return null;
  const style = getComputedStyle(focused);
  focused.dataset.reached = "";
  return [focused.outerHTML.slice(0, 120), style.outlineStyle !== "none" && style.outlineWidth !== "0px"];
}"""
SAID = """(iso) => new Date(iso).toLocaleString(
  "en-GB", { dateStyle: "medium", timeStyle: "medium", timeZone: "Europe/Berlin" }
)"""
UNREACHED = """() => [...document.querySelectorAll("a[href], button, input, select, summary")]
  .filter((each) => each.checkVisibility() && !("reached" in each.dataset) && each.type !== "hidden")
  .map((each) => each.outerHTML.slice(0, 120))"""


@dataclass(frozen=True)
class Lived:
    """A demo in which something has happened."""

    service: Service
    file: str  # with months of past
    key: str  # of its session with the most troubles
    paths: Mapping[str, str]  # of the pages, by name


@pytest.fixture(scope="module")
def lived(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    with running(tmp_path_factory.mktemp("lived"), AUTOSAVE_SECONDS="3600") as service:
        file = write_past(service.data / "docledger.db")
        welcome = service.file("Welcome.docx")["id"]
        fresh = service.file("Budget.xlsx")["id"]
        added = service.client.post("/api/files", files={"file": (LONG, b"a,b\n")}).json()
        now = _edit_together(browser, service, welcome)
        errors = service.get(f"/api/files/{file}/events?type=Errored")["events"]
        key = next(event["key"] for event in errors if event["data"]["next"] == "quarantine")
        service.client.post("/api/doctor")
        yield Lived(
            service,
            file,
            key,
            {
                "files": "/",
                "files-bob": "/?as=Bob",
                "file": f"/files/{file}?limit=40",
                "file-now": f"/files/{welcome}",
                "file-new": f"/files/{fresh}",
                "file-long": f"/files/{added['id']}",
                "file-nothing": f"/files/{fresh}?user=nobody",
                "restore": f"/files/{file}?restore=3&limit=5",
                "document": f"/documents/{key}?after=14",
                "document-now": f"/documents/{now}",
                "audit": "/audit?limit=40",
                "audit-nothing": "/audit?user=nobody",
                "doctor": "/doctor",
                "problem": "/documents/none",
                "sign-in": "/sign-in",
            },
        )


def _edit_together(browser: Browser, service: Service, file: str) -> str:
    """The key of a session of two, with saves, with an error that is over, and Ada still there."""
    context = browser.new_context()
    ada, bob = open_in(context, service, file, "Ada"), open_in(context, service, file, "Bob")
    ada.type("Ada was here. ")
    ada.save()
    eventually(lambda: len(service.versions(file)) == 2, "what Ada typed is stored")
    (key,) = [row["key"] for row in service.get("/api/documents")["documents"] if row["file_id"] == file]
    with broken(service.data / "blobs"), broken(service.data / "overflow"):
        bob.type("And Bob. ")
        bob.save()
        eventually(lambda: "Errored" in service.types(key), "the storage's failure is on record")
    eventually(lambda: len(service.versions(file)) == 3, "what Bob typed is stored once it can be")
    bob.page.close()
    eventually(lambda: "Left" in service.types(key), "Bob has left")
    return key


NAMES = [
    *("files", "files-bob", "file", "file-now", "file-new", "file-long", "file-nothing", "restore"),
    *("document", "document-now", "audit", "audit-nothing", "doctor", "problem", "sign-in"),
]


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_every_page_is_sound_fits_and_is_accessible(browser: Browser, lived: Lived, look: Look) -> None:
    assert list(lived.paths) == NAMES
    with looking(browser, look) as context:
        for name, path in lived.paths.items():
            page = context.new_page()
            assert complaints(page, lived.service.url + path) == [], name
            assert page.evaluate(TOO_WIDE) <= 0, f"{name} scrolls sideways"
            photograph(page, name, look)
            assert inaccessible(page) == [], name
            page.close()


def test_nothing_scrolls_sideways_on_the_smallest_phone(browser: Browser, lived: Lived) -> None:
    with looking(browser, Look("light", 320, 640)) as context:
        page = context.new_page()
        for name, path in lived.paths.items():
            page.goto(lived.service.url + path)
            assert page.evaluate(TOO_WIDE) <= 0, name


@pytest.mark.parametrize("name", ["files", "file", "restore", "document", "audit-nothing", "doctor"])
def test_everything_is_reached_by_keyboard_and_seen_to_be(browser: Browser, lived: Lived, name: str) -> None:
    with looking(browser, DESK) as context:
        page = context.new_page()
        page.goto(lived.service.url + lived.paths[name])
        for _ in range(600):
            page.keyboard.press("Tab")
            reached = page.evaluate(REACHED)
            if reached is None:
                break
            assert reached[1], f"one does not see that the focus is on {reached[0]}"
        assert page.evaluate(UNREACHED) == []


# -- the replay ----------------------------------------------------------------------------------------


def moment(page: Page) -> str:
    return page.locator("#moment-words").inner_text()


def test_the_slider_walks_through_a_session_by_arrow_keys(browser: Browser, lived: Lived) -> None:
    with looking(browser, DESK) as context:
        page = context.new_page()
        page.goto(f"{lived.service.url}/documents/{lived.key}?after=3")
        slider = page.get_by_role("slider", name="Show the session after event")
        before = page.locator(".wide .cursor").get_attribute("d")
        slider.focus()
        page.keyboard.press("ArrowRight")
        status = page.locator("#moment-words")
        expect(status).to_contain_text("After event 4 of")
        expect(page.locator(".timeline [aria-current=step]")).to_have_attribute("data-number", "4")
        page.keyboard.press("End")
        expect(status).to_contain_text("After event 48 of 48")
        expect(page.locator("#state")).to_contain_text("nobody")
        expect(page.locator(".timeline [aria-current=step]")).to_have_count(1)
        assert page.locator(".wide .cursor").get_attribute("d") != before
        last = slider.get_attribute("max")
        assert page.url.endswith(f"after={last}")
        expect(slider).to_be_focused()
        page.get_by_role("link", name="Previous event").click()
        expect(status).to_contain_text(f"After event {int(last or 0) - 1} of")
        expect(page.get_by_role("link", name="Previous event")).to_be_focused()


def test_times_are_the_readers_own(browser: Browser, lived: Lived) -> None:
    told = lived.service.get(f"/api/documents/{lived.key}/events")["events"][0]["at"]
    with looking(browser, DESK) as context:
        page = context.new_page()
        page.goto(f"{lived.service.url}/documents/{lived.key}")
        time = page.locator(f'.timeline time[datetime="{told}"]').first
        expect(time).to_have_text(page.evaluate(SAID, told))
        expect(time).to_have_attribute("title", re.compile("UTC$"))


def test_a_filter_of_times_is_in_the_readers_own_zone(browser: Browser, lived: Lived) -> None:
    events = lived.service.get(f"/api/files/{lived.file}/events?type=Opened")["events"]
    oldest = events[-1]["at"]
    local = "(iso) => new Date(iso).toLocaleString('sv-SE', {timeZone: 'Europe/Berlin'}).replace(' ', 'T')"
    with looking(browser, DESK) as context:
        page = context.new_page()
        page.goto(f"{lived.service.url}/files/{lived.file}")
        page.get_by_label("What").select_option("Sessions")
        just_after = page.evaluate(local, oldest)[:-2] + "59"
        page.get_by_label("Until").fill(just_after)
        page.get_by_role("button", name="Filter").click()
        expect(page.locator(".timeline li")).to_have_count(1)
        expect(page.locator(".timeline li")).to_contain_text("A session of")
        expect(page.get_by_label("Until")).to_have_value(just_after)
        assert "user=" not in page.url
        page.get_by_role("link", name="Show everything").first.click()
        expect(page.locator(".timeline li").nth(20)).to_be_visible()


def test_without_scripts_everything_can_still_be_done(browser: Browser, lived: Lived) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{lived.service.url}/documents/{lived.key}?after=3")
    page.get_by_role("link", name="Next event").click()
    expect(page.locator("#moment-words")).to_contain_text("After event 4 of")
    page.get_by_role("slider").fill("7")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#moment-words")).to_contain_text("After event 7 of")
    expect(page.locator(".timeline time").first).to_contain_text("UTC")
    page.get_by_role("link", name=re.compile("^Annual report")).click()
    page.get_by_label("Who").fill(HEBREW)
    page.get_by_label("What").select_option("People")
    page.get_by_role("button", name="Filter").click()
    told = page.locator(".timeline .what").all_inner_texts()
    assert told
    assert all(HEBREW in line for line in told)
    page.get_by_role("link", name="Restore version 43").click()
    expect(page.get_by_role("heading", name="Make version 43 the current one again?")).to_be_visible()
    page.get_by_role("link", name="Leave it as it is").click()
    expect(page.get_by_role("heading", name="Versions")).to_be_visible()
    context.close()


def test_hostile_names_are_shown_as_they_are(browser: Browser, lived: Lived) -> None:
    with looking(browser, DESK) as context:
        page = context.new_page()
        page.on("dialog", lambda dialog: pytest.fail(f"a name was run: {dialog.message}"))
        page.goto(lived.service.url + lived.paths["file"])
        expect(page.locator(".timeline")).to_contain_text(f"{HOSTILE} was let in")


def test_the_picture_says_what_it_shows(browser: Browser, lived: Lived) -> None:
    with looking(browser, DESK) as context:
        page = context.new_page()
        page.goto(lived.service.url + lived.paths["file"])
        picture = page.get_by_role("img", name=re.compile("^The life of Annual report"))
        expect(picture).to_have_count(1)
        name = page.locator("svg.wide").evaluate(
            "svg => svg.getAttribute('aria-labelledby').split(' ')"
            ".map((id) => document.getElementById(id).textContent).join(' ')"
        )
        assert re.search(r"4 sessions\. There: Ada, Bob, Clémence .* \d+ saves and \d+ auto-saves\.", name)
