"""The page with the editor: nothing that a name says can become part of the page."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from tests.web.service import Service, sign_in, word

HTML = {"Accept": "text/html,application/xhtml+xml"}
HOSTILE = ["<img src=x onerror=alert(1)>", "<!--<script>", "'\"&amp;`${x}{{7*7}}", "a\u2028b<title>"]


class Page(HTMLParser):
    """The elements of a page, and the text of its JSON island."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.island = ""
        self._inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = ("id", "configuration") in attrs

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.island += data


async def page(service: Service, file: str, **more: Any) -> tuple[Page, str]:
    answer = await service.get(f"/api/onlyoffice/viewer/{file}", headers=HTML, **more)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    return Page(answer.text), answer.headers["Content-Security-Policy"]


async def test_it_loads_the_servers_script_and_carries_the_configuration_as_data(service: Service) -> None:
    file = await service.add("Plan.docx")
    shown, _ = await page(service, file)
    configuration = json.loads(shown.island)
    assert configuration["config"]["document"]["title"] == "Plan.docx"
    assert configuration["config"]["document"]["key"] == await service.key(file)
    assert configuration["onlyofficeJsUrl"] in {attrs.get("src") for _, attrs in shown.tags}


async def test_scripts_run_by_nonce_only_and_each_page_has_its_own(service: Service) -> None:
    file = await service.add()
    nonces = set()
    for _ in range(2):
        shown, policy = await page(service, file)
        found = re.search(r"script-src 'nonce-([\w-]{20,})' 'strict-dynamic';", policy)
        assert found
        scripts = [attrs for tag, attrs in shown.tags if tag == "script"]
        assert {attrs["nonce"] for attrs in scripts} == {found[1]}
        assert "default-src 'none'" in policy
        assert f"frame-src {service.server.url}" in policy
        nonces.add(found[1])
    assert len(nonces) == 2


async def test_each_is_given_a_page_of_ones_own_and_the_files_present_name(service: Service) -> None:
    file = await service.add("Plan.docx")
    await service.share(file, bob="edit")
    tokens = set()
    for user in ("ada", "bob", "ada"):
        shown, _ = await page(service, file, by=user)
        given = json.loads(shown.island)
        assert given["config"]["editorConfig"]["user"]["name"].lower() == user
        tokens.add(given["token"])
        (script,) = [attrs for _, attrs in shown.tags if "data-sharing" in attrs]
        assert bool(script["data-sharing"]) == (user == "ada"), "only its owner shares it"
    assert len(tokens) == 3
    await service.ask("PATCH", f"/api/files/{file}", json={"name": "Other.docx"})
    answer = await service.get(f"/api/onlyoffice/viewer/{file}", headers=HTML)
    assert "<title>Other.docx" in answer.text


@pytest.mark.parametrize("text", HOSTILE)
async def test_a_hostile_name_stays_a_name(service: Service, text: str) -> None:
    plain, _ = await page(service, await service.add("Plan.docx"))
    file = await service.add("Plan.docx")
    await service.ask("PATCH", f"/api/files/{file}", json={"name": f"{text}.docx"})
    hostile, _ = await page(service, file)
    assert json.loads(hostile.island)["config"]["document"]["title"] == f"{text}.docx"
    assert [tag for tag, _ in hostile.tags] == [tag for tag, _ in plain.tags]


@pytest.mark.parametrize("name", ["</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>"])
async def test_a_hostile_user_name_stays_a_name(service: Service, name: str) -> None:
    file = await service.add()
    plain, _ = await page(service, file)
    headers = {**HTML, "Authorization": f"Bearer {sign_in('ada', name=name)}"}
    answer = await service.get(f"/api/onlyoffice/viewer/{file}", by=None, headers=headers)
    hostile = Page(answer.text)
    assert json.loads(hostile.island)["config"]["editorConfig"]["user"]["name"] == name
    assert [tag for tag, _ in hostile.tags] == [tag for tag, _ in plain.tags]


async def test_the_page_is_not_stored_and_tells_no_other_site_where_it_was(service: Service) -> None:
    answer = await service.get(f"/api/onlyoffice/viewer/{await service.add()}", headers=HTML)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize(("file", "status"), [("nothing", 404), ("adas", 403)])
async def test_an_error_is_a_page_for_whoever_accepts_html(service: Service, file: str, status: int) -> None:
    file = await service.add() if file == "adas" else file
    answer = await service.get(f"/api/onlyoffice/viewer/{file}", by="bob", headers=HTML)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("accept", ["application/json", "*/*"])
async def test_an_error_is_json_for_everybody_else(service: Service, accept: str) -> None:
    file = await service.add("Plan.xlsx", word("no table"))
    answer = await service.get(f"/api/onlyoffice/viewer/{file}", headers={"Accept": accept})
    assert (answer.status_code, set(answer.json())) == (400, {"message", "code"})


async def test_a_hostile_name_in_an_error_stays_a_name(service: Service) -> None:
    file = await service.add("Plan.docx")
    await service.ask("PATCH", f"/api/files/{file}", json={"name": "<img src=x onerror=alert(1)>.zip"})
    answer = await service.get(f"/api/onlyoffice/viewer/{file}", headers=HTML)
    assert answer.status_code == 400
    assert "img" not in [tag for tag, _ in Page(answer.text).tags]


async def test_viewer_and_config_share_a_key_and_a_session(service: Service) -> None:
    file = await service.add()
    shown, _ = await page(service, file)
    key = json.loads(shown.island)["config"]["document"]["key"]
    assert await service.story(key) == ["Opened"]
