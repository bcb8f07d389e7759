"""The file's bytes: for whoever has the signed link, which is the Document Server."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

import jwt
import pytest

from tests.web.fake_server import STRANGER, signed
from tests.web.life import Running
from tests.web.service import Service, word

BYTES = word("The first words.")
SECRET = "signs the links to our own files, well"


@pytest.fixture
async def service(running: Running) -> Service:
    return await running(secret=SECRET)


async def link(service: Service, file: str) -> str:
    url = urlsplit((await service.open(file))["config"]["document"]["url"])
    return f"{url.path}?{url.query}"


@pytest.fixture
async def path(service: Service) -> str:
    return await link(service, await service.add(content=BYTES))


def token(of: str, **claims: object) -> str:
    usual = {"aud": "docledger:file", "file": of, "version": 1, "jti": "x", "exp": int(time.time()) + 60}
    return jwt.encode({**usual, **claims}, SECRET, "HS256")


async def test_the_link_gives_the_bytes_with_their_length_and_tag(service: Service, path: str) -> None:
    answer = await service.get(path, by=None)
    assert answer.content == BYTES
    assert answer.headers["Content-Length"] == str(len(BYTES))
    assert answer.headers["ETag"] == f'"{hashlib.sha256(BYTES).hexdigest()}"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": int(time.time()) - 3600},
        {"file": "another"},
        {"aud": "something else"},
        {"version": 2},
        {"version": -1},
        {"version": "1"},
    ],
)
async def test_a_token_for_something_else_is_forbidden(
    service: Service, claims: Mapping[str, object]
) -> None:
    file = await service.add(content=BYTES)
    good = f"/api/onlyoffice/file/{file}?token={token(file)}"
    assert (await service.get(good, by=None)).status_code == 200
    bad = f"/api/onlyoffice/file/{file}?token={token(file, **claims)}"
    refused = await service.get(bad, by=None)
    assert (refused.status_code, refused.json()["code"]) == (403, "bad_token")


@pytest.mark.parametrize("query", ["", "?token=", "?token=x", "?token=a.b.c", "?token=%00%ff", "?other=1"])
async def test_without_a_token_it_is_forbidden_even_for_the_owner(service: Service, query: str) -> None:
    file = await service.add()
    assert (await service.get(f"/api/onlyoffice/file/{file}{query}")).status_code == 403


async def test_a_sign_in_is_no_file_token(service: Service, path: str) -> None:
    stranger = jwt.encode({"aud": "docledger:file", "file": "x", "version": 1, "jti": "x"}, STRANGER)
    assert (
        await service.get(f"{path.split('?', maxsplit=1)[0]}?token={stranger}", by=None)
    ).status_code == 403


async def test_the_link_stays_with_the_version_it_was_given_for(service: Service) -> None:
    file = await service.add(content=BYTES)
    old = await link(service, file)
    await service.ask("PUT", f"/api/files/{file}/content", content=word("Other words."))
    assert (await service.get(old, by=None)).content == BYTES


async def test_known_bytes_are_not_sent_again(service: Service, path: str) -> None:
    tag = (await service.get(path, by=None)).headers["ETag"]
    answer = await service.get(path, by=None, headers={"If-None-Match": tag})
    assert (answer.status_code, answer.content, answer.headers["ETag"]) == (304, b"", tag)


@pytest.mark.parametrize(
    ("wanted", "first", "stop"),
    [
        ("bytes=0-9", 0, 10),
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=20-", 20, len(BYTES)),
        ("bytes=-7", len(BYTES) - 7, len(BYTES)),
        ("bytes=0-999999999999999999", 0, len(BYTES)),
        (f"bytes=-{len(BYTES) + 5}", 0, len(BYTES)),
    ],
)
async def test_a_range_gives_that_part(
    service: Service, path: str, wanted: str, first: int, stop: int
) -> None:
    answer = await service.get(path, by=None, headers={"Range": wanted})
    assert (answer.status_code, answer.content) == (206, BYTES[first:stop])
    assert answer.headers["Content-Range"] == f"bytes {first}-{stop - 1}/{len(BYTES)}"
    assert answer.headers["Content-Length"] == str(stop - first)


@pytest.mark.parametrize("wanted", ["bytes=100000-", f"bytes={len(BYTES)}-", "bytes=-0"])
async def test_a_range_beyond_the_end_cannot_be_satisfied(service: Service, path: str, wanted: str) -> None:
    answer = await service.get(path, by=None, headers={"Range": wanted})
    assert (answer.status_code, answer.content) == (416, b"")
    assert answer.headers["Content-Range"] == f"bytes */{len(BYTES)}"


@pytest.mark.parametrize(
    "wanted",
    ["bytes=", "bytes=-", "lines=1-2", "bytes=1-2,4-5", "bytes=5-3", "bytes=a-b", f"bytes=0-{'9' * 5000}"],
)
async def test_a_range_that_means_nothing_gives_everything(service: Service, path: str, wanted: str) -> None:
    answer = await service.get(path, by=None, headers={"Range": wanted})
    assert (answer.status_code, answer.content) == (200, BYTES)


async def test_a_range_of_other_bytes_gives_everything(service: Service, path: str) -> None:
    answer = await service.get(path, by=None, headers={"Range": "bytes=0-3", "If-Range": '"older"'})
    assert (answer.status_code, answer.content) == (200, BYTES)


async def test_head_tells_all_but_the_bytes(service: Service, path: str) -> None:
    head, whole = await service.ask("HEAD", path, by=None), await service.get(path, by=None)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("Content-Length", "ETag", "Accept-Ranges", "Content-Type"):
        assert head.headers[name] == whole.headers[name]


def asking(service: Service, path: str, secret: str | None = None, age: float = 0) -> dict[str, str]:
    """The Document Server's own signature under a request for a url."""
    claims = {"payload": {"url": service.settings.storage_url + path}}
    token = signed(claims, secret, age) if secret else signed(claims, age=age)
    return {"Authorization": f"Bearer {token}"}


async def test_the_servers_own_signature_is_welcome(service: Service, path: str) -> None:
    assert (await service.get(path, by=None, headers=asking(service, path))).content == BYTES


async def test_a_page_that_comes_with_an_old_link_does_not_write_over_what_others_saved(
    service: Service, path: str
) -> None:
    file = path.split("/")[4].partition("?")[0]
    key = await service.begin(file)
    newer = word("Newer words.")
    assert await service.offered(2, key, "1", newer) == (200, 0)
    assert (await service.get(path, by=None)).content == BYTES, "the used-up key begins anew"
    assert await service.told(1, key, users=["sleeper"]) == (200, 0)
    assert await service.offered(2, key, "2", word("Typed into the old text.")) == (200, 0)
    assert await service.content(file) == newer
    assert (await service.triggers(file))[-1] == "conflict"
    assert (await service.story(key))[-4:] == ["Joined", "SaveOffered", "Saved", "Closed"]
    assert "Reloaded" in await service.story(key)


async def test_a_server_whose_clock_is_wrong_can_open_documents(service: Service, path: str) -> None:
    headers = asking(service, path, age=3600)
    assert (await service.get(path, by=None, headers=headers)).content == BYTES


async def test_a_servers_signature_that_does_not_fit_is_forbidden(service: Service, path: str) -> None:
    for headers in (
        asking(service, path, STRANGER),
        asking(service, "/api/onlyoffice/file/another?token=x"),
        {"Authorization": "Bearer nonsense"},
    ):
        assert (await service.get(path, by=None, headers=headers)).status_code == 403


async def test_only_who_says_that_it_is_nginx_is_told_where_the_bytes_are(running: Running) -> None:
    service = await running(accel_redirect="/blobs")
    asked = await link(service, await service.add(content=BYTES))
    named = {"X-Sendfile-Type": "X-Accel-Redirect"}
    told = await service.get(asked, by=None, headers=named)
    digest = hashlib.sha256(BYTES).hexdigest()
    assert (told.status_code, told.content) == (200, b"")
    assert told.headers["X-Accel-Redirect"] == f"/blobs/{digest[:2]}/{digest}"
    plainly = await service.get(asked, by=None)  # the Document Server may have a way of its own to us
    assert (plainly.content, "X-Accel-Redirect" in plainly.headers) == (BYTES, False)


async def test_without_the_setting_nobody_is(service: Service, path: str) -> None:
    answer = await service.get(path, by=None, headers={"X-Sendfile-Type": "X-Accel-Redirect"})
    assert (answer.content, "X-Accel-Redirect" in answer.headers) == (BYTES, False)
