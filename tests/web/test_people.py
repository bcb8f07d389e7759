"""Who is asking, and on whose behalf a browser asks."""

from __future__ import annotations

import time
from typing import Any

import jwt
import pytest

from domain.keys import user_id
from tests.web.fake_server import SECRET, STRANGER
from tests.web.life import Running
from tests.web.service import AUTH_SECRET, PUBLIC_URL, Service, word


def token(secret: str = AUTH_SECRET, **claims: Any) -> str:
    return jwt.encode({"exp": int(time.time()) + 60, **claims}, secret, "HS256")


async def owner(service: Service, headers: dict[str, str]) -> Any:
    added = await service.post("/api/files", by=None, headers=headers, files={"file": ("a.docx", word("a"))})
    return added.json().get("owner", added.status_code)


@pytest.mark.parametrize("claim", ["sub", "id"])
@pytest.mark.parametrize(
    "how", [{"Authorization": "Bearer %s"}, {"Authorization": "bearer %s"}, {"Cookie": "token=%s"}]
)
async def test_a_signed_in_user_is_known_by_sub_or_id(
    service: Service, claim: str, how: dict[str, str]
) -> None:
    signed = token(**{claim: "42", "name": "Ada Lovelace"})
    headers = {name: value % signed for name, value in how.items()}
    assert await owner(service, headers) == {"id": user_id("42"), "name": "Ada Lovelace"}


async def test_a_number_as_an_id_is_that_number(service: Service) -> None:
    assert await owner(service, {"Authorization": f"Bearer {token(id=42)}"}) == {
        "id": user_id("42"),
        "name": "42",
    }


@pytest.mark.parametrize(
    "signed",
    [
        "nonsense",
        token(sub="ada", exp=int(time.time()) - 3600),
        token(sub="ada", nbf=int(time.time()) + 3600),
        token(STRANGER, sub="ada"),
        token(SECRET, sub="ada"),
        token(name="nobody"),
        token(sub=""),
        token(sub=["ada"]),
        jwt.encode({"sub": "ada"}, "", "none"),
        jwt.encode({"sub": "ada"}, AUTH_SECRET + AUTH_SECRET, "HS512"),
    ],
)
async def test_a_sign_in_that_cannot_be_believed_is_refused(service: Service, signed: str) -> None:
    refused = await service.get("/api/files", by=None, headers={"Authorization": f"Bearer {signed}"})
    assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")
    assert refused.headers["WWW-Authenticate"] == "Bearer"
    refused = await service.get("/api/files", by=None, headers={"Cookie": f"token={signed}"})
    assert refused.status_code == 401


async def test_outside_the_demo_nobody_is_played(service: Service) -> None:
    assert (await service.get("/api/files?as=ada", by=None)).status_code == 401


async def test_in_the_demo_everybody_may_play_anybody_and_shares_the_samples(running: Running) -> None:
    service = await running(auth_secret=None)
    listed = (await service.get("/api/files?as=Bob", by=None)).json()["files"]
    assert {file["name"].rpartition(".")[2] for file in listed} == {
        "docx",
        "xlsx",
        "pptx",
        "odt",
        "pdf",
        "csv",
    }
    assert {file["access"] for file in listed} == {"edit"}
    for file in listed:
        opened = await service.open(file["id"], by=None, **{"as": "Bob"})
        assert opened["config"]["editorConfig"]["user"] == {"id": user_id("Bob"), "name": "Bob"}
        assert (await service.key(file["id"], by=None)) == opened["config"]["document"]["key"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.test"},
        {"Origin": "null"},
        {"Origin": PUBLIC_URL.replace("http:", "https:")},
        {"Origin": PUBLIC_URL + ":8080"},
        {"Origin": PUBLIC_URL + ".evil.test"},
        {"Origin": "http://["},
        {"Origin": ""},
    ],
    ids=str,
)
async def test_another_site_may_not_change_anything(service: Service, headers: dict[str, str]) -> None:
    file = await service.add("Plan.docx")
    for method, path in (
        ("POST", "/api/files"),
        ("PATCH", f"/api/files/{file}"),
        ("DELETE", f"/api/files/{file}"),
        ("PUT", f"/api/files/{file}/content"),
        ("POST", f"/api/files/{file}/versions/1/restore"),
    ):
        refused = await service.ask(method, path, headers=headers, content=b"x" * 100_000)
        assert (refused.status_code, refused.json()["code"]) == (403, "cross_site")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": PUBLIC_URL, "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": PUBLIC_URL},
        {},
    ],
    ids=str,
)
async def test_our_own_pages_and_programs_may(service: Service, headers: dict[str, str]) -> None:
    file = await service.add("Plan.docx")
    renamed = await service.ask("PATCH", f"/api/files/{file}", headers=headers, json={"name": "B.docx"})
    assert renamed.status_code == 200


async def test_no_other_site_is_let_in_to_read(service: Service) -> None:
    answer = await service.get("/api/files", headers={"Origin": "http://evil.test"})
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]
