"""Secrets are rotated while people work: what the old one signed is believed, and no save is lost."""

from __future__ import annotations

from urllib.parse import urlsplit

import jwt
import pytest

from infrastructure.tokens import JwtTokens
from tests.web.fake_server import SECRET, STRANGER
from tests.web.life import Running
from tests.web.service import AUTH_SECRET, Service, second, sign_in, word

NEW = "the Document Server's secret from now on"
OWN, OLD = "our own secret, which is a new one now", "our own secret, as it was until yesterday"
NEWER, NEWEST = word("Newer words."), word("Newest words.")


def signed_with(token: str, *secrets: str) -> list[str]:
    fitting = []
    for secret in secrets:
        try:
            jwt.decode(token, secret, ["HS256"])
        except jwt.InvalidSignatureError:
            continue
        fitting.append(secret)
    return fitting


async def told(service: Service, key: str, content: bytes, secret: str, number: int) -> None:
    url = service.server.result(f"{key}_{number}", content)
    claims = {"key": key, "status": 6, "url": url, "filetype": "docx", "lastsave": second(number)}
    answer = await service.called(claims, secret)
    assert (answer.status_code, answer.json()) == (200, {"error": 0})


@pytest.mark.parametrize(
    ("current", "previous"), [(NEW, SECRET), (SECRET, NEW)], ids=["we-were-first", "it-will-be-first"]
)
async def test_the_servers_secret_changes_in_the_middle_of_a_session(
    running: Running, current: str, previous: str
) -> None:
    service = await running(document_server_secret=current, previous_document_server_secret=previous)
    file = await service.add()
    opened = await service.open(file)
    assert signed_with(opened["token"], SECRET, NEW) == [SECRET], "as the server takes it before"
    key = opened["config"]["document"]["key"]
    await told(service, key, NEWER, SECRET, 1)
    service.server.secret = NEW
    await told(service, key, NEWEST, SECRET, 2)  # it was on its way
    assert await service.content(file) == NEWEST
    await told(service, key, NEWER, NEW, 3)
    assert await service.content(file) == NEWER


async def test_auto_save_goes_on_when_the_server_takes_another_secret(running: Running) -> None:
    service = await running(previous_document_server_secret=NEW, autosave_seconds=0.3)
    await service.begin(await service.add())
    await service.until(lambda: service.server.asked("forcesave"))
    service.server.secret = NEW
    before = len(service.server.asked("forcesave"))
    await service.until(lambda: len(service.server.asked("forcesave")) > before + 1)


async def test_what_is_opened_after_the_change_is_signed_with_the_new_secret(running: Running) -> None:
    service = await running(document_server_secret=NEW, previous_document_server_secret=SECRET)
    service.server.secret = NEW
    opened = await service.open(await service.add())
    assert signed_with(opened["token"], SECRET, NEW) == [NEW]


async def test_without_the_previous_one_a_changed_secret_is_refused(running: Running) -> None:
    service = await running(document_server_secret=NEW)
    file = await service.add()
    key = await service.key(file)
    before = await service.content(file)
    url = service.server.result(f"{key}_1", NEWER)
    await service.called({"key": key, "status": 6, "url": url, "filetype": "docx"}, SECRET)
    assert await service.content(file) == before
    assert (await service.get(f"/api/onlyoffice/config/{file}")).status_code == 424


async def test_links_of_the_secret_before_open_files_and_new_ones_are_of_the_new(running: Running) -> None:
    service = await running(secret=OWN, previous_secret=OLD)
    file = await service.add()
    path = f"/api/onlyoffice/file/{file}"
    for secret, status in ((OLD, 200), (OWN, 200), (STRANGER, 403)):
        token = JwtTokens(secret, None, None).file_token(file, 1)
        assert (await service.get(f"{path}?token={token}", by=None)).status_code == status
    query = urlsplit((await service.open(file))["config"]["document"]["url"]).query
    assert JwtTokens(OWN, None, None).read_file_token(query.removeprefix("token=")).file == file


async def test_people_stay_signed_in(running: Running) -> None:
    service = await running(auth_secret=NEW, previous_auth_secret=AUTH_SECRET)
    for secret, status in ((NEW, 200), (AUTH_SECRET, 200), (STRANGER, 401)):
        headers = {"Authorization": f"Bearer {sign_in('ada', secret=secret)}"}
        assert (await service.get("/api/files", by=None, headers=headers)).status_code == status
