"""Whom a callback is believed from, and that nothing it says brings us down."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from tests.web.fake_server import HEADER_LIMIT, STRANGER, envelope, signed
from tests.web.life import living
from tests.web.service import CALLBACK, Service, second, word

NEWER = word("Newer words.")
ALWAYS = (200, {"error": 0})


async def sent(service: Service, body: object, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = await service.http.post(service.url + CALLBACK, content=content, headers=headers or {})
    return answer.status_code, answer.json()


def final(service: Service, key: str, name: str = "1", content: bytes = NEWER) -> dict[str, Any]:
    url = service.server.result(f"{key}_{name}", content)
    return {"key": key, "status": 2, "url": url, "filetype": "docx", "users": ["u"], "lastsave": second(1)}


async def test_the_bodys_token_is_believed_and_nothing_beside_it(service: Service) -> None:
    file = await service.add()
    key = await service.begin(file)
    headers, body = envelope(final(service, key))
    lies = {**body, "status": 4, "url": "http://evil.test/x"}
    headers["Authorization"] = f"Bearer {signed({'payload': {'key': key, 'status': 4}})}"
    assert await sent(service, lies, headers) == ALWAYS
    assert await service.content(file) == NEWER


async def test_the_headers_token_is_believed_where_the_body_has_none(service: Service) -> None:
    file = await service.add()
    key = await service.begin(file)
    headers, body = envelope(final(service, key))
    del body["token"]
    assert await sent(service, {**body, "status": 4}, headers) == ALWAYS
    assert await service.content(file) == NEWER


async def test_a_long_history_is_read_from_the_bodys_token(service: Service) -> None:
    key = await service.begin(await service.add())
    change = {
        "documentSha256": "0" * 64,
        "created": "2026-11-23 09:25:17",
        "user": {"id": "u1", "name": "User u1"},
    }
    history = {"serverVersion": "9.3.0", "changes": [change] * 60}
    changes = f"{service.server.url}/cache/files/data/1/changes.zip/changes.zip"
    headers, body = envelope({**final(service, key), "history": history, "changesurl": changes})
    assert (body["history"], "changesurl" in body) == ({}, False)
    assert len(headers["Authorization"]) < HEADER_LIMIT < len(body["token"])
    assert await sent(service, body, headers) == ALWAYS
    offered = next(event for event in await service.events(key) if event["type"] == "SaveOffered")
    assert offered["data"]["history"] == history
    assert offered["data"]["changes_url"] == changes


@pytest.mark.parametrize(
    "forged",
    [
        lambda claims: envelope(claims, STRANGER),
        lambda claims: ({}, claims),
        lambda claims: ({}, {**claims, "token": ""}),
        lambda claims: ({}, {**claims, "token": None}),
        lambda claims: (envelope(claims)[0], {**claims, "token": signed(claims, STRANGER)}),
        lambda claims: ({}, {**claims, "token": signed({**claims, "c": "forcesave"})}),
        lambda claims: ({}, {**claims, "token": signed({"document": {}, "payload": claims})}),
        lambda claims: (
            {},
            {"token": "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0." + signed(claims).split(".")[1] + "."},
        ),
    ],
    ids=["stranger", "unsigned", "empty", "null", "body-wins", "a-command", "a-configuration", "alg-none"],
)
async def test_a_forged_callback_is_answered_and_changes_nothing(service: Service, forged: Any) -> None:
    file = await service.add()
    key = await service.begin(file)
    before = await service.events(key)
    headers, body = forged(final(service, key))
    assert await sent(service, body, headers) == ALWAYS
    assert await service.events(key) == before
    assert not service.server.fetches


async def test_a_callback_that_has_expired_is_genuine_all_the_same(service: Service) -> None:
    file = await service.add()
    key = await service.begin(file)
    claims = final(service, key)
    assert await sent(service, {"token": signed(claims, age=3600)}) == ALWAYS
    assert await service.content(file) == NEWER


async def test_bytes_for_an_unknown_key_are_kept_in_quarantine(service: Service) -> None:
    assert await service.offered(2, "nobody-knows-it", "1", NEWER) == (200, 0)
    note = service.quarantined()[hashlib.sha256(NEWER).hexdigest()]
    assert (note["reason"], note["key"], note["status"]) == ("unknown key", "nobody-knows-it", 2)
    assert (await service.get("/api/documents/nobody-knows-it")).status_code == 404


async def test_a_result_url_that_names_another_host_is_asked_of_the_configured_server(
    service: Service,
) -> None:
    file = await service.add()
    key = await service.begin(file)
    claims = final(service, key)
    claims["url"] = claims["url"].replace(service.server.url, "http://169.254.169.254")
    assert await sent(service, {"token": signed(claims)}) == ALWAYS
    assert await service.content(file) == NEWER


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\xff\xfe",
        b'"text"',
        b"[" * 100_000,
        b"{}" + b" " * 5_000_000,
        b"x" * 5_000_000,
    ],
    ids=["empty", "cut", "null", "list", "binary", "text", "deep", "long", "very-long"],
)
async def test_garbage_is_answered(service: Service, garbage: bytes) -> None:
    assert await sent(service, garbage) == ALWAYS


async def test_it_takes_nothing_but_a_post(service: Service) -> None:
    for method in ("GET", "PUT", "DELETE"):
        assert (await service.ask(method, CALLBACK)).status_code == 405


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
fields = {
    "url": st.sampled_from(
        ["/x", "http://[", "http://h/\ud800", "http://h:99999/", "", "http://h/" + "x" * 9000]
    ),
    "users": st.lists(st.text(max_size=3) | st.integers(), max_size=3),
    "lastsave": st.sampled_from(
        ["", "yesterday", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59Z", "2026-11-23"]
    ),
    "forcesavetype": st.integers(),
    "filetype": st.sampled_from(["docx", "DOCX", "\0", "exe", "\ud800", "x" * 3000]),
    "history": anything,
    "notmodified": st.none() | st.booleans(),
}
callbacks = st.fixed_dictionaries(
    {"status": st.integers(0, 8) | anything},
    optional={name: anything | likely for name, likely in fields.items()},
)


@given(letters=st.lists(st.tuples(callbacks, st.just("ours") | anything), min_size=1, max_size=12))
@examples(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
async def test_whatever_the_server_signs_is_answered_and_the_document_lives_on(
    letters: list[tuple[dict[str, Any], Any]],
) -> None:
    with TemporaryDirectory() as folder:
        async with living(Path(folder), {"presence": 0.3}, callback_budget_seconds=0.3) as service:
            key = await service.key(await service.add())
            for letter, whose in letters:
                claims = {**letter, "key": key if whose == "ours" else whose}
                assert await sent(service, {"token": signed(claims)}) == ALWAYS
            assert (await service.get(f"/api/documents/{key}/events")).status_code == 200
            assert await service.told(1, key, users=["u"]) == (200, 0)
            assert "u" in [user["id"] for user in (await service.document(key))["users"]]
