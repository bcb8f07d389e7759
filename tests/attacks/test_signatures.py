"""Good claims with a signature that is none, at every place where a token is read."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

import pytest

from tests.attacks.forging import hs, stamped, tricks
from tests.web.fake_server import SECRET
from tests.web.life import Running
from tests.web.service import AUTH_SECRET, CALLBACK, Service, word

OWN = "our own secret, which is nobody's business"
NAMES = sorted(tricks({"sub": "x"}, OWN))
NEWER = word("Newer words.")

Attempt = Callable[[Service, str], Awaitable[None]]


@pytest.fixture
async def service(running: Running) -> Service:
    return await running(secret=OWN)


async def by_sign_in(service: Service, name: str) -> None:
    token = tricks(stamped({"sub": "ada", "role": "admin"}), AUTH_SECRET)[name]
    for headers in ({"Authorization": f"Bearer {token}"}, {"Cookie": f"token={token}"}):
        assert (await service.get("/api/files", by=None, headers=headers)).status_code == 401


async def by_sign_in_page(service: Service, name: str) -> None:
    token = tricks(stamped({"sub": "ada"}), AUTH_SECRET)[name]
    answer = await service.post("/sign-in", by=None, data={"token": token})
    assert answer.status_code in {400, 403}
    assert "set-cookie" not in answer.headers


async def by_file_link(service: Service, name: str) -> None:
    file = await service.add()
    claims = {"aud": "docledger:file", "file": file, "version": 1, "key": "", "jti": "x"}
    token = tricks(stamped(claims), OWN)[name]
    answer = await service.get(f"/api/onlyoffice/file/{file}", by=None, params={"token": token})
    assert answer.status_code == 403
    assert answer.json() == {"code": "bad_token", "message": "The link is not valid, or it has expired."}


async def by_drain(service: Service, name: str) -> None:
    token = tricks(stamped({"aud": "docledger:operator"}), OWN)[name]
    headers = {"Authorization": f"Bearer {token}"}
    assert (await service.post("/api/drain?close=true", by=None, headers=headers)).status_code == 403


async def by_callback(service: Service, name: str) -> None:
    file = await service.add()
    key = await service.begin(file)
    before = await service.events(key)
    claims = {"key": key, "status": 2, "url": service.server.result(key, NEWER), "filetype": "docx"}
    token = tricks(stamped(claims), SECRET)[name]
    in_header = tricks(stamped({"payload": claims}), SECRET)[name]
    for headers, body in (
        ({}, {**claims, "token": token}),
        ({"Authorization": f"Bearer {in_header}"}, claims),
    ):
        answer = await service.http.post(service.url + CALLBACK, headers=headers, content=json.dumps(body))
        assert (answer.status_code, answer.json()) == (200, {"error": 0})
    assert await service.events(key) == before
    assert not service.server.fetches


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("attempt", [by_sign_in, by_sign_in_page, by_file_link, by_drain, by_callback])
async def test_what_is_not_signed_by_hs256_and_the_right_secret_is_not_believed(
    service: Service, attempt: Attempt, name: str
) -> None:
    await attempt(service, name)


OVER, FAR = 1_700_000_000, 4_000_000_000  # in 2023, in 2096
LINK = {"aud": "docledger:file", "file": "FILE", "version": 1, "key": "", "jti": "x"}


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": OVER},
        {"exp": None},
        {"exp": "never"},
        {"exp": [9e9]},
        {"exp": -1},
        {"aud": "docledger:changes"},
        {"aud": "docledger:operator"},
        {"aud": ["docledger:file"]},
        {"aud": ""},
        {"file": "../FILE"},
        {"file": "another"},
        {"file": None},
        {"version": 2},
        {"version": -1},
        {"version": "1"},
        {"version": 10**30},
        {"version": True},
        {"jti": None},
    ],
    ids=str,
)
async def test_a_link_of_ours_that_says_something_else_opens_nothing(
    service: Service, changes: dict[str, object]
) -> None:
    file = await service.add()
    claims = stamped({**LINK, "file": file, **changes})
    token = hs({"alg": "HS256"}, claims, OWN)
    answer = await service.get(f"/api/onlyoffice/file/{file}", by=None, params={"token": token})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": OVER},
        {"exp": "never"},
        {"nbf": FAR},
        {"nbf": "then"},
        {"sub": ""},
        {"sub": None},
        {"sub": True},
        {"sub": ["ada"]},
        {"sub": {"id": "ada"}},
    ],
    ids=str,
)
async def test_a_sign_in_that_is_over_or_names_nobody_lets_nobody_in(
    service: Service, changes: dict[str, object]
) -> None:
    token = hs({"alg": "HS256"}, stamped({"sub": "ada", **changes}), AUTH_SECRET)
    headers = {"Authorization": f"Bearer {token}"}
    assert (await service.get("/api/files", by=None, headers=headers)).status_code == 401
