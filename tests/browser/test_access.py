"""Sharing, renaming and sending people out, as people meet them in a browser."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import httpx
from playwright.sync_api import Browser, BrowserContext, FrameLocator, Page, expect

from tests.browser.conftest import open_in, words_of
from tests.browser.looks import TOO_WIDE
from tests.contract.word import docx, paragraph
from tests.service import Service, eventually


def uploaded(service: Service, name: str = "Plan.docx") -> str:
    """A file of the local user."""
    content = docx(paragraph("The first words."))
    return str(service.client.post("/api/files", files={"file": (name, content)}).json()["id"])


def share(service: Service, file: str, **access: str | None) -> None:
    assert service.client.patch(f"/api/files/{file}", json={"shares": access}).is_success


def viewer(tabs: BrowserContext, service: Service, file: str, query: str = "") -> tuple[Page, FrameLocator]:
    page = tabs.new_page()
    page.goto(f"{service.url}/api/onlyoffice/viewer/{file}{query}")
    return page, page.frame_locator("iframe[name=frameEditor]")


def test_a_file_is_shared_without_scripts_and_opens_for_what_was_shared(
    service: Service, browser: Browser, tabs: BrowserContext
) -> None:
    file = uploaded(service)
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{service.url}/files/{file}")
    page.get_by_label("Share with").fill("Bob")
    page.get_by_label("they may").select_option("comment")
    page.get_by_role("button", name="Share", exact=True).click()
    expect(page.locator(".facts")).to_contain_text("shared with Bob to comment")

    _, commenting = viewer(tabs, service, file, "?as=Bob")
    expect(commenting.locator("#status")).to_contain_text("Opened for comments")
    expect(commenting.locator("#text")).not_to_be_editable()
    eventually(lambda: service.file("Plan.docx")["users"], "who may comment is there")

    page.get_by_label("Bob may").select_option("review")
    page.get_by_role("button", name="Change for Bob").click()
    expect(page.get_by_label("Bob may")).to_have_value("review")
    reviewing = open_in(tabs, service, file, "Bob")
    expect(reviewing.editor.locator("#status")).to_contain_text("You review")
    reviewing.type("A suggestion. ")
    reviewing.save()
    eventually(lambda: len(service.versions(file)) == 2, "what a reviewer typed is stored")

    page.get_by_label("Bob may").select_option("not open it")
    page.get_by_role("button", name="Change for Bob").click()
    expect(page.get_by_label("Bob may")).to_have_count(0)
    context.close()


def test_whose_share_is_taken_back_is_saved_and_sent_out(service: Service, tabs: BrowserContext) -> None:
    file = uploaded(service)
    share(service, file, Bob="edit")
    mine, bob = open_in(tabs, service, file), open_in(tabs, service, file, "Bob")
    bob.type("Typed in time. ")
    expect(mine.text).to_have_value(re.compile("Typed in time"))
    share(service, file, Bob="view")
    expect(bob.editor.locator("#dialog-text")).to_have_text("The file cannot be accessed right now.")
    expect(bob.text).not_to_be_editable()
    expect(bob.page.get_by_role("alert")).to_contain_text("may no longer do what they were let in for")
    expect(mine.text).to_be_editable()
    assert "Typed in time." in words_of(service.content(file, 2))
    bob.page.reload()
    expect(bob.editor.locator("#status")).to_have_text("Opened for viewing")
    listed = tabs.new_page()
    listed.goto(f"{service.url}/?as=Bob")
    expect(listed.locator(f"[data-id='{file}']")).to_be_visible()
    share(service, file, Bob=None)
    expect(bob.page.get_by_role("alert")).to_contain_text("not shared with you")
    expect(listed.locator(f"[data-id='{file}']")).to_have_count(0)
    mine.close()


def test_who_has_a_file_open_hears_that_it_was_deleted(service: Service, tabs: BrowserContext) -> None:
    file = uploaded(service)
    share(service, file, Bob="edit", Carl="view")
    bob, (carls, carl) = open_in(tabs, service, file, "Bob"), viewer(tabs, service, file, "?as=Carl")
    bob.type("Typed in time. ")
    expect(carl.locator("#status")).to_have_text("Opened for viewing")
    assert service.client.delete(f"/api/files/{file}").is_success
    for page in (bob.page, carls):
        expect(page.get_by_role("alert")).to_contain_text("deleted it. What was typed is kept.")
    expect(bob.text).not_to_be_editable()
    assert service.client.post(f"/api/files/{file}/restore").is_success
    assert "Typed in time." in words_of(service.content(file, 2))


def test_an_admin_sends_somebody_out_by_a_button(service: Service, tabs: BrowserContext) -> None:
    file = service.file("Welcome.docx")["id"]
    ada = open_in(tabs, service, file, "Ada")
    ada.type("The last thing I said. ")
    key = service.key(file)
    eventually(lambda: service.document(key)["users"], "Ada is there")
    page = tabs.new_page()
    page.goto(f"{service.url}/documents/{key}")
    page.get_by_role("button", name="Send Ada out").click()
    expect(ada.text).not_to_be_editable()
    expect(ada.page.get_by_role("alert")).to_contain_text("You sent Ada out.")
    expect(page.get_by_text("You sent Ada out.").first).to_be_visible()
    expect(page.get_by_role("button", name="Send Ada out")).to_have_count(0)
    last = service.versions(file)[-1]
    assert "The last thing I said." in words_of(service.content(file, last["number"]))


def test_a_new_name_given_in_the_editor_is_everybodys_at_once(service: Service, tabs: BrowserContext) -> None:
    file = uploaded(service, "Plan.docx")
    share(service, file, Bob="comment")
    mine = open_in(tabs, service, file)
    page, bobs = viewer(tabs, service, file, "?as=Bob")
    expect(bobs.locator("#title")).to_have_text("Plan.docx")
    expect(bobs.locator("#rename")).to_be_hidden()
    mine.editor.get_by_role("button", name="Rename").click()
    name = mine.editor.get_by_label("New name")
    expect(name).to_have_value("Plan")
    name.fill("Plan B & <b>C</b>")
    name.press("Enter")
    expect(mine.page.get_by_role("alert")).to_contain_text("cannot contain slashes")
    mine.editor.get_by_role("button", name="Rename").click()
    name.fill("Plan B & C")
    name.press("Enter")
    for tab, editor in ((mine.page, mine.editor), (page, bobs)):
        expect(editor.locator("#title")).to_have_text("Plan B & C.docx")
        expect(tab).to_have_title("Plan B & C.docx – Docledger")
    assert service.get(f"/api/files/{file}")["name"] == "Plan B & C.docx"


def test_the_editor_leads_back_to_the_list_and_to_the_sharing(service: Service, tabs: BrowserContext) -> None:
    file = uploaded(service)
    tab = open_in(tabs, service, file)
    with tab.page.expect_popup() as popup:
        tab.editor.get_by_role("button", name="Share").click()
    expect(popup.value.get_by_role("heading", name="Sharing")).to_be_visible()
    assert urlsplit(popup.value.url).fragment == "sharing"
    tab.editor.get_by_role("link", name="Open file location").click()
    expect(tab.page).to_have_url(f"{service.url}/")
    _, bobs = viewer(tabs, service, service.file("Welcome.docx")["id"], "?as=Bob")
    expect(bobs.locator("#share")).to_be_hidden()


def test_a_phone_and_a_page_that_embeds_it(service: Service, browser: Browser) -> None:
    file = uploaded(service)
    context = browser.new_context(viewport={"width": 375, "height": 760}, is_mobile=True, has_touch=True)
    page, editor = viewer(context, service, file, "?type=mobile&theme=theme-dark&lang=de")
    expect(editor.locator("#text")).to_be_editable()
    assert page.evaluate(TOO_WIDE) <= 0
    assert editor.locator("html").evaluate(f"() => {TOO_WIDE}") <= 0
    expect(editor.locator("html")).to_have_attribute("data-theme", "dark")
    page, editor = viewer(context, service, file, "?type=embedded")
    expect(editor.locator("#text")).not_to_be_editable()
    expect(editor.locator("#back")).to_be_hidden()
    expect(page.locator("#status")).to_be_hidden()
    assert httpx.get(f"{service.url}/api/documents", trust_env=False).json()["documents"]
    context.close()
