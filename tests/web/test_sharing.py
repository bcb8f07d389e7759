"""The sharing forms of a file's page, which work without scripts."""

from __future__ import annotations

import httpx
import pytest

from domain.keys import user_id
from tests.web.service import Service

HTML = {"Accept": "text/html"}
BOB = user_id("bob")


async def submit(service: Service, file: str, by: str = "ada", **form: str) -> httpx.Response:
    return await service.post(f"/files/{file}/shares", by=by, data=form, headers=HTML)


async def access(service: Service, file: str, by: str = "bob") -> str:
    shown = await service.get(f"/api/files/{file}", by=by)
    return str(shown.json()["access"]) if shown.status_code == 200 else "none"


async def test_a_file_is_shared_changed_and_taken_back(service: Service) -> None:
    file = await service.add()
    done = await submit(service, file, who=" bob ", access="comment")
    assert (done.status_code, done.headers["Location"]) == (303, f"/files/{file}#sharing")
    assert await access(service, file) == "comment"
    await submit(service, file, who=BOB, access="fill")
    assert await access(service, file) == "fill"
    await submit(service, file, who=BOB, access="none")
    assert await access(service, file) == "none"


async def test_everybody_may_be_let_in_and_shut_out_again(service: Service) -> None:
    file = await service.add()
    await submit(service, file, who="*", access="review")
    assert await access(service, file, "carol") == "review"
    await submit(service, file, who="*", access="none")
    assert await access(service, file, "carol") == "none"


async def test_somebody_known_is_called_by_name(service: Service) -> None:
    await service.key(await service.add(by="bob"), "bob")
    file = await service.add()
    await submit(service, file, who="bob", access="view")
    (share,) = (await service.get(f"/api/files/{file}")).json()["shares"]
    assert share == {"user": BOB, "name": "Bob", "access": "view"}


@pytest.mark.parametrize(
    "form",
    [
        {"who": "", "access": "edit"},
        {"who": "b" * 201, "access": "edit"},
        {"who": "bob", "access": "own"},
        {"who": "bob"},
        {},
    ],
)
async def test_a_form_that_makes_no_sense_changes_nothing(service: Service, form: dict[str, str]) -> None:
    file = await service.add()
    assert (await submit(service, file, **form)).status_code == 400
    assert (await service.get(f"/api/files/{file}")).json()["shares"] == []


async def test_whom_it_is_shared_with_is_known_by_id_in_json_too(service: Service) -> None:
    file = await service.add()
    await service.share(file, bob="edit")
    await service.share(file, **{BOB: "view"})
    assert await access(service, file) == "view"
    await service.share(file, **{BOB: None})
    assert await access(service, file) == "none"


async def test_only_the_owner_shares_and_sees_the_forms(service: Service) -> None:
    file = await service.add()
    await service.share(file, bob="edit")
    refused = await submit(service, file, by="bob", who="carol", access="view")
    assert refused.status_code == 403
    page = f"/files/{file}"
    assert f"{page}/shares" in (await service.get(page, headers=HTML)).text
    assert f"{page}/shares" not in (await service.get(page, headers=HTML, by="bob")).text


async def test_the_page_says_who_may_do_what(service: Service) -> None:
    file = await service.add()
    await service.share(file, bob="fill", **{"*": "comment"})
    page = (await service.get(f"/files/{file}", headers=HTML, by="bob")).text
    assert "shared with <bdi>bob</bdi> to fill in" in page
    assert "shared with <bdi>everybody</bdi> to comment" in page
    assert "you may comment" in (await service.get("/", headers=HTML, by="bob")).text
    assert "you may" not in (await service.get("/", headers=HTML)).text
