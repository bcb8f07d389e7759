"""Files as people keep them: listing, names, shares, removal."""

from __future__ import annotations

import pytest

from tests.web.service import Service, word

FIRST = word("The first words.")


async def names(service: Service, by: str = "ada", **query: object) -> list[str]:
    listed = await service.get("/api/files", by=by, params=query)
    return [file["name"] for file in listed.json()["files"]]


async def test_a_list_shows_what_is_mine_or_shared_with_me_the_newest_first(service: Service) -> None:
    await service.add("mine.docx", by="bob")
    shared, everybodys = await service.add("shared.docx"), await service.add("everybodys.docx")
    await service.add("secret.docx")
    await service.share(shared, bob="view")
    await service.share(everybodys, **{"*": "view"})
    assert await names(service, "bob") == ["everybodys.docx", "shared.docx", "mine.docx"]
    assert await names(service, "carol") == ["everybodys.docx"]


async def test_a_long_list_comes_in_pages(service: Service) -> None:
    for number in range(5):
        await service.add(f"{number}.docx", FIRST)
    pages, before = [], {}
    for _ in range(3):
        page = (await service.get("/api/files", params={"limit": 2, **before})).json()
        pages.append([file["name"] for file in page["files"]])
        before = {"before": page["next"]}
    assert pages == [["4.docx", "3.docx"], ["2.docx", "1.docx"], ["0.docx"]]
    assert page["next"] is None


@pytest.mark.parametrize("limit", ["0", "-1", "1001", "x", "", "00000000010000", "9" * 5000, "٣"])
async def test_a_page_has_a_sensible_length(service: Service, limit: str) -> None:
    refused = await service.get("/api/files", params={"limit": limit})
    assert (refused.status_code, refused.json()["code"]) == (400, "bad_request")


async def test_an_open_file_says_so_and_who_edits_it(service: Service) -> None:
    file = await service.add()
    key = await service.begin(file)
    shown = (await service.get(f"/api/files/{file}")).json()
    assert (shown["state"], shown["key"]) == ("editing", key)
    assert [user["name"] for user in shown["users"]] == ["Ada"]


async def test_a_new_name_is_seen_by_everybody(service: Service) -> None:
    file = await service.add("Plan.docx")
    await service.share(file, bob="edit")
    renamed = await service.ask("PATCH", f"/api/files/{file}", by="bob", json={"name": " Plan B.docx "})
    assert (renamed.status_code, renamed.json()["name"]) == (200, "Plan B.docx")
    assert await names(service) == ["Plan B.docx"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"name": ""}', "bad_name"),
        (b'{"name": "a/b.docx"}', "bad_name"),
        (b'{"name": "a\\u0000.docx"}', "bad_name"),
        (b'{"name": 7}', "bad_request"),
        (b'{"name": "\\ud800.docx"}', "bad_request"),
        (b'{"shares": {"\\ud800": "edit"}}', "bad_request"),
        (b'{"shares": {"bob": "own"}}', "bad_request"),
        (b'{"shares": {"": "edit"}}', "bad_request"),
        (b'{"shares": []}', "bad_request"),
        (b"[]", "bad_request"),
        (b"nonsense", "bad_request"),
        (b"\xff", "bad_request"),
        (b"[" * 60_000, "bad_request"),
    ],
)
async def test_a_change_that_makes_no_sense_changes_nothing(service: Service, body: bytes, code: str) -> None:
    file = await service.add("Plan.docx")
    before = (await service.get(f"/api/files/{file}")).json()
    refused = await service.ask("PATCH", f"/api/files/{file}", content=body)
    assert (refused.status_code, refused.json()["code"]) == (400, code)
    assert (await service.get(f"/api/files/{file}")).json() == before


async def test_a_change_is_no_place_for_large_things(service: Service) -> None:
    file = await service.add()
    refused = await service.ask("PATCH", f"/api/files/{file}", content=b" " * 1_000_000)
    assert (refused.status_code, refused.json()["code"]) == (413, "too_large")


async def test_a_share_can_be_taken_back(service: Service) -> None:
    file = await service.add()
    await service.share(file, bob="edit", carol="view")
    await service.share(file, bob=None)
    assert (await service.get(f"/api/files/{file}", by="bob")).status_code == 403
    shares = (await service.get(f"/api/files/{file}", by="carol")).json()["shares"]
    assert [(share["name"], share["access"]) for share in shares] == [("carol", "view")]


@pytest.mark.parametrize(
    ("method", "path", "more"),
    [
        ("GET", "", {}),
        ("PATCH", "", {"json": {"name": "mine.docx"}}),
        ("DELETE", "", {}),
        ("POST", "/restore", {}),
        ("GET", "/content", {}),
        ("PUT", "/content", {"content": b"x"}),
        ("GET", "/versions", {}),
        ("GET", "/versions/1/content", {}),
        ("POST", "/versions/1/restore", {}),
    ],
)
async def test_a_stranger_may_do_nothing(
    service: Service, method: str, path: str, more: dict[str, object]
) -> None:
    file = await service.add()
    refused = await service.ask(method, f"/api/files/{file}{path}", by="bob", **more)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    missing = await service.ask(method, f"/api/files/nothing{path}", by="bob", **more)
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "more"),
    [
        ("PATCH", "", {"json": {"name": "mine.docx"}}),
        ("PATCH", "", {"json": {"shares": {"carol": "edit"}}}),
        ("DELETE", "", {}),
        ("PUT", "/content", {"content": b"x"}),
        ("POST", "/versions/1/restore", {}),
    ],
)
async def test_whoever_may_view_may_only_view(
    service: Service, method: str, path: str, more: dict[str, object]
) -> None:
    file = await service.add()
    await service.share(file, bob="view")
    assert (await service.get(f"/api/files/{file}/content", by="bob")).status_code == 200
    refused = await service.ask(method, f"/api/files/{file}{path}", by="bob", **more)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


async def test_only_the_owner_shares_and_deletes(service: Service) -> None:
    file = await service.add()
    await service.share(file, bob="edit")
    assert (await service.ask("DELETE", f"/api/files/{file}", by="bob")).status_code == 403
    shared = await service.ask("PATCH", f"/api/files/{file}", by="bob", json={"shares": {"carol": "edit"}})
    assert shared.status_code == 403


async def test_a_change_is_made_as_a_whole_or_not_at_all(service: Service) -> None:
    file = await service.add("Plan.docx")
    await service.share(file, bob="edit")
    for by, change in (
        ("bob", {"name": "Bob's.docx", "shares": {"carol": "edit"}}),
        ("ada", {"name": "a/b.docx", "shares": {"carol": "edit"}}),
    ):
        assert (await service.ask("PATCH", f"/api/files/{file}", by=by, json=change)).status_code in {
            400,
            403,
        }
    shown = (await service.get(f"/api/files/{file}")).json()
    assert (shown["name"], [share["name"] for share in shown["shares"]]) == ("Plan.docx", ["bob"])


async def test_a_deleted_file_is_hidden_until_its_owner_brings_it_back(service: Service) -> None:
    file = await service.add("Plan.docx", FIRST)
    assert (await service.ask("DELETE", f"/api/files/{file}")).status_code == 204
    assert await names(service) == []
    assert (await service.get(f"/api/files/{file}")).status_code == 404
    assert (await service.ask("DELETE", f"/api/files/{file}")).status_code == 404
    assert (await service.post(f"/api/files/{file}/restore")).json()["name"] == "Plan.docx"
    assert await names(service) == ["Plan.docx"]
    assert await service.content(file) == FIRST
