"""What the product is for, in a real browser on the running service."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import BrowserContext, Route, expect

from tests.browser.conftest import open_in, words_of
from tests.service import Service, eventually, running
from tests.trouble import break_, mend

FILES = Path(__file__).parent.parent / "files"


def test_typed_words_are_stored_by_ctrl_s_and_by_closing(service: Service, tabs: BrowserContext) -> None:
    file = service.file("Welcome.docx")["id"]
    tab = open_in(tabs, service, file)
    key = service.key(file)
    tab.type("Ctrl+S was here. ")
    tab.save()
    eventually(lambda: len(service.versions(file)) == 2, "the button's version is stored")
    version = service.versions(file)[-1]
    assert version["trigger"] == "button"
    assert "Ctrl+S was here." in words_of(service.content(file, 2))
    expect(tab.page.locator("#status")).to_contain_text("stored version 2", timeout=10_000)

    tab.type("And closing too. ")
    tab.close()
    eventually(lambda: service.document(key)["state"] == "closed", "the final save is stored")
    last = service.versions(file)[-1]
    assert last["head"]
    assert "And closing too. Ctrl+S was here." in words_of(service.content(file, last["number"]))
    assert service.document(key)["closed_reason"] == "saved"
    assert service.key(file) != key


def test_a_second_user_gets_the_same_key_and_sees_the_same_text(
    service: Service, tabs: BrowserContext
) -> None:
    file = service.file("Welcome.docx")["id"]
    ada = open_in(tabs, service, file, "Ada")
    bob = open_in(tabs, service, file, "Bob")
    (document,) = service.get("/api/documents")["documents"]
    eventually(
        lambda: {user["name"] for user in service.document(document["key"])["users"]} == {"Ada", "Bob"},
        "both are present under one key",
    )
    ada.type("Ada says hello. ")
    expect(bob.text).to_have_value(_containing("Ada says hello."))
    bob.type("Bob answers. ")
    bob.save()
    eventually(lambda: len(service.versions(file)) == 2, "one save holds what both typed")
    text = words_of(service.content(file, 2))
    assert "Ada says hello." in text
    assert "Bob answers." in text
    ada.close()
    bob.close()
    eventually(lambda: service.document(document["key"])["state"] == "closed", "all have left")
    assert service.types(document["key"]).count("Opened") == 1


def _containing(words: str):  # type: ignore[no-untyped-def]
    import re

    return re.compile(re.escape(words))


def test_auto_save_stores_without_a_key_press(eager: Service, tabs: BrowserContext) -> None:
    file = eager.file("Welcome.docx")["id"]
    tab = open_in(tabs, eager, file)
    tab.type("Nobody pressed save. ")
    eventually(lambda: len(eager.versions(file)) > 1, "auto-save has stored something")
    eventually(
        lambda: "Nobody pressed save." in words_of(eager.content(file, len(eager.versions(file)))),
        "auto-save has stored the words",
    )
    assert {version["trigger"] for version in eager.versions(file)[1:]} == {"command"}
    tab.close()


def test_opening_and_closing_stores_nothing(service: Service, tabs: BrowserContext) -> None:
    file = service.file("Welcome.docx")["id"]
    tab = open_in(tabs, service, file)
    key = service.key(file)
    eventually(lambda: service.document(key)["state"] == "editing", "the user is present")
    tab.close()
    eventually(lambda: service.document(key)["state"] == "closed", "the server said that nothing changed")
    assert service.document(key)["closed_reason"] == "unchanged"
    assert len(service.versions(file)) == 1
    assert service.key(file) == key, "and its key is handed out again"


def test_a_tab_survives_a_kill_and_auto_saving_goes_on(eager: Service, tabs: BrowserContext) -> None:
    file = eager.file("Welcome.docx")["id"]
    tab = open_in(tabs, eager, file)
    key = eager.key(file)
    tab.type("Before the kill. ")
    eventually(lambda: len(eager.versions(file)) > 1, "something is stored")
    eager.kill()
    tab.type("While it was dead. ")
    eager.start()
    eventually(
        lambda: "While it was dead." in words_of(eager.content(file, len(eager.versions(file)))),
        "what was typed while the service was dead is auto-saved",
    )
    before = len(eager.versions(file))
    tab.type("And after. ")
    eventually(lambda: len(eager.versions(file)) > before, "auto-saving goes on")
    assert eager.key(file) == key
    tab.page.close()
    eventually(lambda: eager.document(key)["state"] == "closed", "closing is a final save")
    text = words_of(eager.content(file, len(eager.versions(file))))
    assert "And after. While it was dead. Before the kill." in text


def test_what_was_closed_while_the_service_was_dead_is_brought_back(
    tabs: BrowserContext, tmp_path: Path
) -> None:
    settings = {"AUTOSAVE_SECONDS": "3600", "FORGOTTEN_SECONDS": "1", "CALLBACK_REPLY": "durable"}
    with running(tmp_path, **settings) as service:
        file = service.file("Welcome.docx")["id"]
        tab = open_in(tabs, service, file)
        key = service.key(file)
        tab.type("Nobody was there to take this. ")
        tab.page.wait_for_timeout(500)  # until the words have reached the Document Server
        service.kill()
        tab.page.close()
        eventually(lambda: service.standin("getForgottenList")["keys"] == [key], "the server gave up", 30)
        service.start()
        eventually(lambda: service.document(key)["state"] == "closed", "the save is brought back")
        version = service.versions(file)[-1]
        assert (version["trigger"], version["head"]) == ("recovered", True)
        assert "Nobody was there to take this." in words_of(service.content(file, 2))
        eventually(lambda: service.standin("getForgottenList")["keys"] == [], "and no longer kept there")


def test_a_page_whose_key_was_used_up_meanwhile_goes_on_with_a_new_one(
    service: Service, tabs: BrowserContext
) -> None:
    file = service.file("Welcome.docx")["id"]
    early = open_in(tabs, service, file)
    key = service.key(file)
    early.type("Saved by the early one. ")
    late = tabs.new_page()
    held: list[Route] = []
    late.route("**/api.js", lambda route: held.append(route))  # noqa: PLW0108 (it gets marked)
    late.goto(f"{service.url}/api/onlyoffice/viewer/{file}", wait_until="commit")
    eventually(lambda: late.wait_for_timeout(50) or held, "the late page waits for its editor")
    early.close()
    eventually(lambda: service.document(key)["state"] == "closed", "the early one's final save is stored")
    held[0].continue_()
    text = late.frame_locator("iframe[name=frameEditor]").locator("#text")
    expect(text).to_have_value(_containing("Saved by the early one."))
    (document,) = service.get("/api/documents")["documents"]
    assert document["key"] != key
    late.close()


def test_who_types_is_told_when_a_save_cannot_be_stored_and_when_it_is(
    service: Service, tabs: BrowserContext
) -> None:
    file = service.file("Welcome.docx")["id"]
    tab = open_in(tabs, service, file)
    places = (service.data / "blobs", service.data / "overflow")
    for place in places:
        break_(place)
    tab.type("Will this be kept? ")
    tab.save()
    expect(tab.page.get_by_role("alert")).to_contain_text("Your last changes are not saved")
    assert len(service.versions(file)) == 1
    for place in places:
        mend(place)
    expect(tab.page.get_by_role("alert")).to_be_hidden()
    assert "Will this be kept?" in words_of(service.content(file, 2))
    tab.close()


def test_an_operator_can_have_everything_saved_and_let_nobody_in_before_a_stop(
    service: Service, tabs: BrowserContext
) -> None:
    file = service.file("Welcome.docx")["id"]
    tab = open_in(tabs, service, file)
    key = service.key(file)
    tab.type("Saved for the backup. ")
    tab.page.wait_for_timeout(500)  # until the words have reached the Document Server
    done = service.command("drain")
    assert (done.returncode, done.stdout) == (0, "Saved: 1. Left unsaved: 0.\n"), done.stderr
    assert "Saved for the backup." in words_of(service.content(file, 2))
    tab.type("And for the upgrade. ")
    tab.page.wait_for_timeout(500)
    done = service.command("drain", "--close")
    assert (done.returncode, done.stdout) == (0, "Saved: 1. Left unsaved: 0.\n"), done.stderr
    assert service.document(key)["closed_reason"] == "saved"
    last = service.versions(file)[-1]
    assert "And for the upgrade." in words_of(service.content(file, last["number"]))
    late = tabs.new_page()
    late.goto(f"{service.url}/api/onlyoffice/viewer/{file}")
    expect(late.locator("main")).to_contain_text("about to be restarted")
    service.stop()
    service.start()
    expect(late.frame_locator("iframe[name=frameEditor]").locator("#text")).to_have_value(
        _containing("And for the upgrade."), timeout=40_000
    )


def test_stopping_the_demo_saves_what_is_being_typed(service: Service, tabs: BrowserContext) -> None:
    file = service.file("Welcome.docx")["id"]
    tab = open_in(tabs, service, file)
    tab.type("Saved on the way out. ")
    tab.page.wait_for_timeout(500)  # until the words have reached the Document Server
    assert service.stop() == 0
    service.start()
    last = service.versions(file)[-1]
    assert "Saved on the way out." in words_of(service.content(file, last["number"]))


def test_the_list_shows_files_states_and_versions(
    service: Service, tabs: BrowserContext, tmp_path: Path
) -> None:
    page = tabs.new_page()
    page.goto(service.url)
    names = page.locator("tbody th").all_text_contents()
    assert {name.strip() for name in names} >= {"Welcome.docx", "Budget.xlsx", "Contacts.csv"}

    upload = tmp_path / "Notes <b>&.txt"
    upload.write_text("first line")
    page.set_input_files("#file", upload)
    page.get_by_role("button", name="Upload").click()
    link = page.get_by_role("link", name="Notes <b>&.txt")
    expect(link).to_be_visible()

    with page.expect_popup() as popup:
        link.click()
    editor = popup.value.frame_locator("iframe[name=frameEditor]").locator("#text")
    expect(editor).to_have_value("first line")
    row = page.locator("tr", has=link)
    expect(row.locator(".state")).to_have_text("being edited by You", timeout=10_000)
    editor.fill("second line")
    popup.value.close()
    expect(row.locator(".version")).to_have_text("2", timeout=20_000)
    expect(row.locator(".state")).to_have_text("closed")
    row.locator("summary").click()
    expect(row.locator(".versions li")).to_have_count(2)
    assert service.content(service.file("Notes <b>&.txt")["id"], 2) == b"second line"


def test_a_file_of_the_wrong_type_is_explained_on_a_page(service: Service, tabs: BrowserContext) -> None:
    answer = service.client.post("/api/files", files={"file": ("fake.docx", b"\x7fELF" + bytes(500))})
    page = tabs.new_page()
    page.goto(f"{service.url}/api/onlyoffice/viewer/{answer.json()['id']}")
    expect(page.get_by_role("heading")).to_have_text("That did not work")
    expect(page.locator("main")).to_contain_text("docx")


def test_a_link_from_the_command_line_signs_in_outside_the_demo(tabs: BrowserContext, tmp_path: Path) -> None:
    with running(tmp_path, AUTH_SECRET="a secret of at least thirty-two bytes") as service:
        assert service.client.get("/api/files").status_code == 401
        page = tabs.new_page()
        page.goto(service.url)
        expect(page.get_by_role("heading")).to_have_text("Sign in")
        page.goto("about:blank")
        page.goto(service.command("token", "ada").stdout.strip())
        expect(page.locator(".who")).to_have_text("Signed in as ada")
        page.set_input_files("#file", FILES / "letter.odt")
        page.get_by_role("button", name="Upload").click()
        expect(page.get_by_role("link", name="letter.odt")).to_be_visible()
        assert tabs.cookies()[0]["httpOnly"]
