"""New files that are no uploads: begun blank, converted for editing, copied out of an editor."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import httpx
import pytest

from infrastructure.blanks import blank
from tests.web.life import Running
from tests.web.service import Service, word

RTF = b"{\\rtf1\\ansi Dear reader}"
MARKDOWN = b"# Dear reader\n"


async def convert(service: Service, file: str, by: str = "ada", **body: Any) -> httpx.Response:
    return await service.post(f"/api/files/{file}/convert", by=by, json=body)


async def save_as(service: Service, file: str, by: str = "ada", **changes: Any) -> httpx.Response:
    body = {"file": file, "title": "Copy.docx", "filetype": "docx", **changes}
    return await service.post("/api/onlyoffice/save-as", by=by, json=body)


# -- begun blank -------------------------------------------------------------------------------------


@pytest.mark.parametrize("type_", ["docx", "xlsx", "pptx", "odt", "ods", "odp", "pdf", "txt", "csv"])
async def test_a_new_document_opens_in_its_editor(service: Service, type_: str) -> None:
    made = await service.post("/api/files", json={"name": f"Plan.{type_}"})
    assert made.status_code == 201, made.text
    assert made.headers["Location"].endswith(made.json()["id"])
    assert (made.json()["name"], made.json()["version"]) == (f"Plan.{type_}", 1)
    opened = await service.open(made.json()["id"])
    assert opened["config"]["editorConfig"]["mode"] == "edit"
    assert await service.content(made.json()["id"]) == blank(type_)
    (version,) = await service.versions(made.json()["id"])
    assert version["trigger"] == "blank"


@pytest.mark.parametrize("type_", ["docx", "xlsx", "pptx", "odt", "ods", "odp"])
def test_every_part_of_a_blank_that_is_named_is_there(type_: str) -> None:
    content = blank(type_)
    assert content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = set(archive.namelist())
        assert archive.testzip() is None
        if type_.startswith("od"):
            assert archive.infolist()[0].filename == "mimetype"
            assert archive.infolist()[0].compress_type == zipfile.ZIP_STORED
            listed = archive.read("META-INF/manifest.xml").decode().split('full-path="')[2:]
        else:
            listed = archive.read("[Content_Types].xml").decode().split('PartName="/')[1:]
    assert {part.partition('"')[0] for part in listed} <= names
    assert len(listed) >= 3


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": "Plan.doc"}, "wrong_type"),
        ({"name": "Plan"}, "wrong_type"),
        ({"name": ""}, "bad_name"),
        ({"name": "a/b.docx"}, "bad_name"),
        ({"name": 7}, "bad_request"),
        ({}, "bad_request"),
    ],
)
async def test_a_document_that_cannot_be_begun_is_refused(
    service: Service, body: dict[str, Any], code: str
) -> None:
    refused = await service.post("/api/files", json=body)
    assert (refused.status_code, refused.json()["code"]) == (400, code)
    assert (await service.get("/api/files")).json()["files"] == []


async def test_the_form_of_the_page_begins_a_document_and_opens_it(service: Service) -> None:
    page = await service.get("/new", params={"type": "xlsx"})
    assert '<option value="xlsx" selected>' in page.text
    sent = await service.post("/new", data={"name": "Année", "type": "xlsx"})
    assert sent.status_code == 303
    (file,) = (await service.get("/api/files")).json()["files"]
    assert file["name"] == "Année.xlsx"
    assert sent.headers["Location"] == f"/api/onlyoffice/viewer/{file['id']}"
    await service.post("/new", data={"name": "Notes.TXT", "type": "txt"})
    await service.post("/new", data={"name": "", "type": "docx"})
    names = [each["name"] for each in (await service.get("/api/files")).json()["files"]]
    assert names[:2] == ["New document.docx", "Notes.TXT"]
    assert (await service.post("/new", data={"name": "x", "type": "exe"})).status_code == 400


async def test_the_editor_is_told_where_a_new_document_of_its_kind_is_begun(service: Service) -> None:
    opened = await service.open(await service.add("Budget.csv", b"a,b\n"))
    assert opened["config"]["editorConfig"]["createUrl"].endswith("/new?type=xlsx")


# -- converted for editing ---------------------------------------------------------------------------


async def test_a_file_for_viewing_only_is_converted_into_one_beside_it(service: Service) -> None:
    file = await service.add("Letter.md", MARKDOWN)
    service.server.converts(word("Dear reader"))
    made = await convert(service, file)
    assert made.status_code == 201, made.text
    assert (made.json()["name"], made.json()["owner"]["name"]) == ("Letter.docx", "Ada")
    assert await service.content(made.json()["id"]) == word("Dear reader")
    assert await service.content(file) == MARKDOWN
    (version,) = await service.versions(made.json()["id"])
    assert (version["trigger"], version["converted_from"]) == ("conversion", "md")
    assert (version["from_file"], version["from_version"]) == (file, 1)
    (asked,) = service.server.conversions
    assert (asked["filetype"], asked["outputtype"], asked["title"]) == ("md", "docx", "Letter.md")
    link = await service.http.get(asked["url"].replace(service.settings.storage_url, service.url))
    assert link.content == MARKDOWN, "the server finds it behind our signed link"
    told = (await service.get(f"/api/files/{made.json()['id']}/events")).json()["events"]
    assert any("had it converted from version 1 of a md file" in event["text"] for event in told)


async def test_who_may_edit_a_file_has_it_converted_for_its_owner_and_all_others(service: Service) -> None:
    file = await service.add("Letter.md", MARKDOWN)
    await service.share(file, bob="edit", carol="view")
    service.server.converts(word("Dear reader"))
    assert (await convert(service, file, by="carol")).status_code == 403
    assert (await convert(service, file, by="dave")).status_code == 403
    made = (await convert(service, file, by="bob")).json()
    assert made["owner"]["name"] == "Ada"
    assert made["access"] == "edit"
    assert (await service.get(f"/api/files/{made['id']}", by="carol")).json()["access"] == "view"


async def test_another_target_can_be_named(service: Service) -> None:
    file = await service.add("Plan.docx")
    service.server.converts(b"Dear reader\n")
    made = await convert(service, file, to="txt")
    assert made.json()["name"] == "Plan.txt"
    assert service.server.conversions[0]["outputtype"] == "txt"


@pytest.mark.parametrize("to", [None, "docx", "doc", "exe", "../x"])
async def test_what_need_not_or_cannot_be_converted_is_not_tried(service: Service, to: str | None) -> None:
    file = await service.add("Plan.docx")
    refused = await convert(service, file, **({"to": to} if to else {}))
    assert (refused.status_code, refused.json()["code"]) == (400, "wrong_type")
    assert service.server.conversions == []


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        ({"error": -3}, 422, "cannot read the file"),
        ({"error": -5}, 422, "password"),
        ({"error": -8}, 422, "signature"),
        ({"endConvert": "?"}, 502, "is this a Document Server"),
        ({"endConvert": True, "fileUrl": "http://x/gone"}, 502, "404"),
        ({"endConvert": True, "fileUrl": "ftp://x/gone"}, 502, "no plain http url"),
    ],
)
async def test_what_the_server_cannot_do_is_told(
    service: Service, answer: dict[str, Any], status: int, words: str
) -> None:
    file = await service.add("Letter.md", MARKDOWN)
    service.server.conversion = answer
    refused = await convert(service, file)
    assert refused.status_code == status, refused.text
    assert words in refused.json()["message"]
    assert len((await service.get("/api/files")).json()["files"]) == 1


async def test_a_result_of_another_type_is_not_taken(service: Service) -> None:
    file = await service.add("Letter.md", MARKDOWN)
    service.server.converts(b"<html>an error page</html>")
    refused = await convert(service, file)
    assert (refused.status_code, refused.json()["code"]) == (502, "not_delivered")


async def test_a_server_that_cannot_be_reached_is_told_as_such(running: Running) -> None:
    service = await running(document_server_url="http://127.0.0.1:9")
    refused = await convert(service, await service.add("Letter.md", MARKDOWN))
    assert (refused.status_code, refused.json()["code"]) == (502, "not_delivered")


async def test_pages_offer_it_where_it_helps(service: Service) -> None:
    file, plain = await service.add("Letter.md", MARKDOWN), await service.add("Plan.docx")
    await service.share(file, bob="view")
    form = f'action="/files/{file}/convert"'
    viewer = f"/api/onlyoffice/viewer/{file}"
    for page in ("/", f"/files/{file}", viewer):
        assert form in (await service.get(page)).text, page
    for page in (f"/files/{plain}", f"/api/onlyoffice/viewer/{plain}"):
        assert "/convert" not in (await service.get(page)).text
    for page in ("/", f"/files/{file}", viewer):
        assert form not in (await service.get(page, by="bob")).text, page
    service.server.converts(word("Dear reader"))
    sent = await service.post(f"/files/{file}/convert")
    newest = (await service.get("/api/files")).json()["files"][0]
    assert (sent.status_code, sent.headers["Location"]) == (303, f"/api/onlyoffice/viewer/{newest['id']}")
    assert "from md of" in (await service.get(f"/files/{newest['id']}")).text


# -- copied out of an editor -------------------------------------------------------------------------


async def test_a_copy_from_the_editor_is_a_new_file_of_whoever_asks(service: Service) -> None:
    file = await service.add()
    await service.share(file, bob="view")
    url = service.server.result("copy", word("a copy")).replace(service.server.url, "http://169.254.169.254")
    made = await save_as(service, file, by="bob", url=url)
    assert made.status_code == 201, made.text
    assert (made.json()["name"], made.json()["owner"]["name"]) == ("Copy.docx", "Bob")
    assert (await service.get(f"/api/files/{made.json()['id']}/content", by="bob")).content == word("a copy")
    assert (await service.get(f"/api/files/{made.json()['id']}", by="ada")).status_code == 403


@pytest.mark.parametrize(
    ("title", "filetype", "name"),
    [("Plan.docx", "txt", "Plan.txt"), ("Plan", "txt", "Plan.txt"), ("v1.2 plan", "TXT", "v1.2 plan.txt")],
)
async def test_a_copy_is_named_as_what_it_is(service: Service, title: str, filetype: str, name: str) -> None:
    file = await service.add()
    url = service.server.result("/cache/files/data/k_2/output.txt/output.txt", b"words\n")
    made = await save_as(service, file, url=url, title=title, filetype=filetype)
    assert made.json()["name"] == name
    (version,) = await service.versions(made.json()["id"])
    assert (version["trigger"], version["from_file"], version["converted_from"]) == ("save as", file, "docx")


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"filetype": "exe"}, 400),
        ({"title": "../x"}, 400),
        ({"title": ""}, 400),
        ({"url": "http://user@office/cache/files/x"}, 400),
        ({"url": "http://office/internal/cluster/inactive"}, 400),  # its side that looks at us alone
        ({"url": "http://office/info/info.json"}, 400),
        ({"url": "http://office/cache/files/../../info/info.json"}, 400),
        ({"url": "http://office/cache/files/data/gone_1/output.docx"}, 502),
        ({"url": None}, 400),
        ({"filetype": "xlsx"}, 502),  # it is a text document
    ],
)
async def test_a_copy_that_is_not_what_it_says_is_refused(
    service: Service, changes: dict[str, Any], status: int
) -> None:
    file = await service.add()
    usual = {"url": service.server.result("copy", word("a copy"))}
    refused = await save_as(service, file, **{**usual, **changes})
    assert refused.status_code == status, refused.text
    assert len((await service.get("/api/files")).json()["files"]) == 1


async def test_nobody_gets_a_copy_of_what_they_may_not_see(service: Service) -> None:
    url = service.server.result("copy", word("a copy"))
    file = await service.add()
    assert (await save_as(service, file, by="bob", url=url)).status_code == 403
    assert (await save_as(service, "nothing", url=url)).status_code == 404
    assert service.server.fetches == []
