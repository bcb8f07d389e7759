"""Each kind of token where another belongs, though one secret has been set for everything: the worst case."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

import pytest

from infrastructure.tokens import JwtTokens, user_token
from tests.web.life import Running
from tests.web.service import AUTH_SECRET, CALLBACK, Service, word

ONE = AUTH_SECRET  # for everything
NEWER = word("Newer words.")


def every_kind(service: Service, file: str, key: str) -> dict[str, str]:
    tokens = JwtTokens(ONE, ONE, ONE)
    link = f"{service.url}/api/onlyoffice/file/{file}"
    letter = {"key": key, "status": 2, "url": service.server.result("x", NEWER), "filetype": "docx"}
    conversion = {
        "async": False,
        "filetype": "docx",
        "key": key,
        "outputtype": "pdf",
        "title": "x",
        "url": link,
    }
    editor = {"document": {"key": key, "url": link}, "editorConfig": {"callbackUrl": link, "mode": "edit"}}
    return {
        "file link": tokens.file_token(file, 1, key=key),
        "changes link": tokens.file_token(file, 1, changes=True),
        "operator": tokens.operator_token(),
        "configuration": tokens.sign_config(editor),
        "command": tokens.sign_command({"c": "forcesave", "key": key, "status": 2, "url": letter["url"]}),
        "conversion": tokens.sign_command({**conversion, "status": 2}),
        "history": tokens.sign_config({"version": 1, "key": key, "url": link, "fileType": "docx"}),
        "callback": tokens.sign_config(letter),
        "callback in payload": tokens.sign_config({"payload": letter}),
        "fetching server": tokens.sign_config({"payload": {"url": link}}),
        "sign-in": user_token(ONE, "ada", "admin", 600),
    }


async def as_sign_in(service: Service, file: str, key: str, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    assert (await service.get("/api/files", by=None, headers=headers)).status_code == 401


async def as_cookie(service: Service, file: str, key: str, token: str) -> None:
    assert (await service.get("/api/files", by=None, headers={"Cookie": f"token={token}"})).status_code == 401


async def as_file_link(service: Service, file: str, key: str, token: str) -> None:
    answer = await service.get(f"/api/onlyoffice/file/{file}", by=None, params={"token": token})
    assert answer.status_code == 403


async def as_changes_link(service: Service, file: str, key: str, token: str) -> None:
    answer = await service.get(f"/api/onlyoffice/file/{file}/changes", by=None, params={"token": token})
    assert answer.status_code == 403


async def as_operator(service: Service, file: str, key: str, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    assert (await service.post("/api/drain?close=true", by=None, headers=headers)).status_code == 403


async def as_fetching_server(service: Service, file: str, key: str, token: str) -> None:
    link = JwtTokens(ONE, ONE, ONE).file_token(file, 1)
    headers = {"Authorization": f"Bearer {token}"}
    answer = await service.get(
        f"/api/onlyoffice/file/{file}", by=None, params={"token": link}, headers=headers
    )
    assert answer.status_code == 403


async def as_callback(service: Service, file: str, key: str, token: str) -> None:
    await called(service, key, {}, {"token": token})


async def as_callback_header(service: Service, file: str, key: str, token: str) -> None:
    await called(service, key, {"Authorization": f"Bearer {token}"}, {"key": key, "status": 2})


async def called(service: Service, key: str, headers: dict[str, str], body: dict[str, object]) -> None:
    before = await service.events(key)
    answer = await service.http.post(service.url + CALLBACK, headers=headers, content=json.dumps(body))
    assert (answer.status_code, answer.json()) == (200, {"error": 0})
    assert await service.events(key) == before
    assert not service.server.fetches


Reader = Callable[[Service, str, str, str], Awaitable[None]]
MEANT: dict[Reader, set[str]] = {
    as_sign_in: {"sign-in"},
    as_cookie: {"sign-in"},
    as_file_link: {"file link"},
    as_changes_link: {"changes link"},
    as_operator: {"operator"},
    as_fetching_server: {"fetching server"},
    as_callback: {"callback", "callback in payload"},
    as_callback_header: {"callback", "callback in payload"},
}
KINDS = (
    "file link",
    "changes link",
    "operator",
    "configuration",
    "command",
    "conversion",
    "history",
    "callback",
    "callback in payload",
    "fetching server",
    "sign-in",
)
ROWS = [
    pytest.param(reader, kind, id=f"{kind} {reader.__name__}".replace("_", " "))
    for reader, meant in MEANT.items()
    for kind in KINDS
    if kind not in meant
]


@pytest.mark.parametrize(("reader", "kind"), ROWS)
async def test_a_token_is_good_for_what_it_was_made_for_alone(
    running: Running, reader: Reader, kind: str
) -> None:
    service = await running(secret=ONE, document_server_secret=ONE)
    service.server.secret = ONE
    file = await service.add()
    key = await service.key(file)
    await reader(service, file, key, every_kind(service, file, key)[kind])
