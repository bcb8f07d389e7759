"""Versions: put, restored, had one by one, and never overwritten unseen."""

from __future__ import annotations

import hashlib

import pytest
import trio

from tests.web.service import Service, word

FIRST, NEWER = word("The first words."), word("Newer words.")


async def put(
    service: Service, file: str, content: bytes, match: str | None = None, by: str = "ada"
) -> tuple[int, str]:
    headers = {} if match is None else {"If-Match": match}
    answer = await service.ask("PUT", f"/api/files/{file}/content", content=content, headers=headers, by=by)
    return answer.status_code, answer.json().get("code", "")


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


async def test_the_tag_that_the_bytes_came_with_can_be_sent_back(service: Service) -> None:
    file = await service.add(content=FIRST)
    tag = (await service.get(f"/api/files/{file}/content")).headers["ETag"]
    assert await put(service, file, NEWER, tag) == (200, "")
    assert await put(service, file, word("From the first words again."), tag) == (412, "changed")


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
