"""Copies, conversions, new documents and submitted forms, as people make them in a browser."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import open_in, words_of
from tests.browser.looks import LOOKS, TOO_WIDE, complaints, inaccessible, looking, photograph
from tests.service import Service, eventually, running


def test_save_as_makes_a_file_of_ones_own_out_of_what_is_on_the_screen(
    service: Service, tabs: BrowserContext
) -> None:
    welcome = service.file("Welcome.docx")["id"]
    tab = open_in(tabs, service, welcome)
    tab.type("Not saved yet. ")
    expect(tab.editor.locator("#status")).to_have_text("All changes saved")
    tab.editor.get_by_role("button", name="Save as").click()
    expect(tab.page.locator("#notice")).to_contain_text("Saved as Welcome.docx, a new file of yours.")
    copy = next(file for file in service.get("/api/files")["files"] if file["owner"]["name"] == "You")
    assert "Not saved yet." in words_of(service.content(copy["id"], 1))
    assert len(service.versions(welcome)) == 1
    tab.close()


def test_a_file_for_viewing_only_is_converted_and_edited(service: Service, tabs: BrowserContext) -> None:
    upload = {"file": ("Letter.md", b"Dear reader,\ngood night.\n")}
    assert service.client.post("/api/files", files=upload).status_code == 201
    page = tabs.new_page()
    page.goto(service.url)
    page.locator("tr", has_text="Letter.md").get_by_role("button", name="Convert to edit").click()
    text = page.frame_locator("iframe[name=frameEditor]").locator("#text")
    expect(text).to_have_value("Dear reader,\ngood night.\n")
    expect(text).to_be_editable()
    assert service.file("Letter.docx")["access"] == "edit"
    assert service.content(service.file("Letter.md")["id"], 1).startswith(b"Dear reader")
    page.close()


def test_a_new_document_is_begun_from_the_list(service: Service, tabs: BrowserContext) -> None:
    page = tabs.new_page()
    page.goto(service.url)
    page.get_by_label("New document").fill("Minutes")
    page.get_by_role("button", name="Create").click()
    text = page.frame_locator("iframe[name=frameEditor]").locator("#text")
    expect(text).to_be_editable()
    text.fill("Item one")
    page.keyboard.press("Control+s")
    file = service.file("Minutes.docx")["id"]
    eventually(lambda: len(service.versions(file)) == 2, "what is typed into a blank is stored")
    assert "Item one" in words_of(service.content(file, 2))
    page.close()


def test_a_form_is_sent_in_and_found_on_its_page(service: Service, tabs: BrowserContext) -> None:
    form = service.client.post("/api/files", json={"name": "Form.pdf"}).json()["id"]
    page = tabs.new_page()
    page.goto(f"{service.url}/api/onlyoffice/viewer/{form}")
    editor = page.frame_locator("iframe[name=frameEditor]")
    editor.get_by_role("button", name="Submit").click()
    expect(editor.locator("#status")).to_have_text("Saved to storage")
    page.goto(f"{service.url}/files/{form}")
    expect(page.get_by_role("heading", name="Submissions")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the data of submission 2").click()
    assert '"value": "You"' in download.value.path().read_text()
    assert service.get(f"/api/files/{form}")["version"] == 1
    page.close()


def _without_scripts(context: BrowserContext, url: str) -> Page:
    page = context.new_page()
    page.goto(url)
    return page


def test_documents_are_begun_and_converted_without_scripts(service: Service, browser: Browser) -> None:
    service.client.post("/api/files", files={"file": ("Letter.md", b"Dear reader\n")})
    context = browser.new_context(java_script_enabled=False)
    page = _without_scripts(context, service.url)
    page.get_by_label("New document").fill("Plan")
    page.get_by_label("What it is").select_option("xlsx")
    page.get_by_role("button", name="Create").click()
    assert service.file("Plan.xlsx")
    page = _without_scripts(context, service.url)
    page.locator("tr", has_text="Letter.md").get_by_role("button", name="Convert to edit").click()
    assert service.file("Letter.docx")
    context.close()


def test_the_pages_with_forms_can_be_read_by_everybody(tmp_path: Path, browser: Browser) -> None:
    with running(tmp_path, AUTOSAVE_SECONDS="3600") as service:
        added = service.client.post("/api/files", files={"file": ("Letter.md", b"Dear reader\n")}).json()
        for look in LOOKS:
            with looking(browser, look) as context:
                for name, path in {
                    "new": "/new",
                    "convertible": f"/files/{added['id']}",
                    "list": "/",
                    "viewing": f"/api/onlyoffice/viewer/{added['id']}",
                }.items():
                    page = context.new_page()
                    assert complaints(page, service.url + path) == []
                    assert page.evaluate(TOO_WIDE) <= 0
                    if name != "viewing":
                        assert inaccessible(page) == []
                    photograph(page, f"copies-{name}", look)
                    page.close()
