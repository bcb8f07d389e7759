"""Health, the list of files, and what is said where there is nothing."""

from __future__ import annotations

import pytest

from tests.web.life import Running
from tests.web.service import Service

HTML = {"Accept": "text/html"}


async def test_healthz_answers_whoever_asks(service: Service) -> None:
    answer = await service.get("/healthz", by=None)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize(
    "path", ["/api/nothing", "/nothing", "/static/nothing", "/static/../app.py", "/api/files/"]
)
async def test_an_unknown_route_is_not_found_as_json_or_as_a_page(service: Service, path: str) -> None:
    missing = await service.get(path)
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    page = await service.get(path, headers=HTML)
    assert (page.status_code, page.headers["Content-Type"]) == (404, "text/html; charset=utf-8")


async def test_a_method_that_is_not_there_says_which_are(service: Service) -> None:
    refused = await service.ask("PUT", "/api/files/x")
    assert (refused.status_code, refused.json()["code"]) == (405, "method_not_allowed")
    assert refused.headers["Allow"] == "DELETE, GET, HEAD, PATCH"


async def test_the_list_of_files_escapes_their_names(service: Service) -> None:
    file = await service.add("Plan.docx")
    await service.ask("PATCH", f"/api/files/{file}", json={"name": "<img src=x onerror=alert(1)>.docx"})
    page = await service.get("/", headers=HTML)
    assert page.status_code == 200
    assert "&lt;img src=x onerror=alert(1)&gt;.docx" in page.text
    assert "<img" not in page.text
    assert "'unsafe-inline'" not in page.headers["Content-Security-Policy"]


async def test_the_demo_keeps_playing_whom_it_plays(running: Running) -> None:
    service = await running(auth_secret=None)
    page = await service.get("/?as=%22%3E%3Cscript%3E", by=None, headers=HTML)
    assert "?as=%22%3E%3Cscript%3E" in page.text
    assert '"><script>' not in page.text


async def test_no_answer_names_the_server_that_runs_us(service: Service) -> None:
    assert "server" not in (await service.get("/healthz")).headers
