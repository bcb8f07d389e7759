"""Files as people keep them: listing, names, shares, removal, versions."""

from __future__ import annotations

import hashlib

import pytest
import trio

from tests.web.service import Service, word

FIRST, NEWER, NEWEST = word("The first words."), word("Newer words."), word("The newest words.")


async def names(service: Service, by: str = "ada", **query: object) -> list[str]:
    listed = await service.get("/api/files", by=by, params=query)
    return [file["name"] for file in listed.json()["files"]]


async def put(
    service: Service, file: str, content: bytes, match: str | None = None, by: str = "ada"
) -> tuple[int, str]:
    headers = {} if match is None else {"If-Match": match}
    answer = await service.ask("PUT", f"/api/files/{file}/content", content=content, headers=headers, by=by)
    return answer.status_code, answer.json().get("code", "")


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


async def test_a_deleted_file_is_hidden_until_its_owner_brings_it_back(service: Service) -> None:
    file = await service.add("Plan.docx", FIRST)
    assert (await service.ask("DELETE", f"/api/files/{file}")).status_code == 204
    assert await names(service) == []
    assert (await service.get(f"/api/files/{file}")).status_code == 404
    assert (await service.ask("DELETE", f"/api/files/{file}")).status_code == 404
    assert (await service.post(f"/api/files/{file}/restore")).json()["name"] == "Plan.docx"
    assert await names(service) == ["Plan.docx"]
    assert await service.content(file) == FIRST


async def test_new_content_is_a_new_version(service: Service) -> None:
    file = await service.add(content=FIRST)
    assert await put(service, file, NEWER) == (200, "")
    assert [v["number"] for v in await service.versions(file)] == [1, 2]
    assert await service.content(file) == NEWER


async def test_the_same_content_is_no_new_version(service: Service) -> None:
    file = await service.add(content=FIRST)
    assert await put(service, file, FIRST) == (200, "")
    assert len(await service.versions(file)) == 1


@pytest.mark.parametrize("match", ['"1"', "1", 'W/"1"', "*"])
async def test_content_made_from_the_current_version_is_taken(service: Service, match: str) -> None:
    assert await put(service, await service.add(), NEWER, match) == (200, "")


@pytest.mark.parametrize("match", ['"2"', '"0"', "7"])
async def test_content_made_from_another_version_is_refused(service: Service, match: str) -> None:
    file = await service.add(content=FIRST)
    assert await put(service, file, NEWER, match) == (412, "changed")
    assert await service.content(file) == FIRST


@pytest.mark.parametrize("match", ['"x"', "", '"1', '"99999999999999999999"'])
async def test_a_match_that_names_no_version_is_a_bad_request(service: Service, match: str) -> None:
    assert await put(service, await service.add(), NEWER, match) == (400, "bad_request")


async def test_of_many_writers_of_one_version_just_one_gets_through(service: Service) -> None:
    file = await service.add()
    answers = []

    async def write(number: int) -> None:
        answers.append(await put(service, file, word(f"Writer {number}."), '"1"'))

    async with trio.open_nursery() as nursery:
        for number in range(10):
            nursery.start_soon(write, number)
    assert sorted(answers) == [(200, ""), *[(412, "changed")] * 9]


async def test_every_version_can_be_had_under_a_name_of_its_own(service: Service) -> None:
    file = await service.add("Plan “A”.docx", FIRST)
    await put(service, file, NEWER)
    versions = await service.versions(file)
    assert [v["sha256"] for v in versions] == [hashlib.sha256(c).hexdigest() for c in (FIRST, NEWER)]
    assert {"number", "sha256", "size", "trigger", "created"} <= set(versions[0])
    first = await service.get(f"/api/files/{file}/versions/1/content")
    assert first.content == FIRST
    disposition = first.headers["Content-Disposition"]
    assert disposition == "attachment; filename*=UTF-8''Plan%20%E2%80%9CA%E2%80%9D%20%28version%201%29.docx"


@pytest.mark.parametrize("number", ["0", "3", "99999999999999999999", "9" * 5000, "x", "-1"])
async def test_a_version_that_is_not_there_is_not_found(service: Service, number: str) -> None:
    file = await service.add()
    for method, what in (("GET", "content"), ("POST", "restore")):
        missing = await service.ask(method, f"/api/files/{file}/versions/{number}/{what}")
        assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


async def test_an_old_version_can_be_made_the_current_one_again(service: Service) -> None:
    file = await service.add(content=FIRST)
    await put(service, file, NEWER)
    restored = await service.post(f"/api/files/{file}/versions/1/restore")
    assert (restored.status_code, restored.json()["version"]) == (200, 3)
    assert await service.content(file) == FIRST
    newest = (await service.versions(file))[-1]
    assert (newest["trigger"], newest["restored"]) == ("restore", 1)


async def test_content_is_never_shown_as_a_page_of_ours(service: Service) -> None:
    file = await service.add("evil.html", b"<script>alert(1)</script>")
    answer = await service.get(f"/api/files/{file}/content")
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
