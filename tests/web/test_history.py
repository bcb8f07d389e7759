"""The history panel's two questions, answered as the editor and its server take them."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from typing import Any

import jwt
import pytest
import trio

from domain.keys import KEY
from infrastructure.blobs import LocalBlobs
from tests.databases import execute
from tests.web.fake_server import SECRET, signed
from tests.web.life import Running
from tests.web.service import Service, second, word

pytestmark = pytest.mark.in_both

FIRST, TYPED, FINAL = word("The first words."), word("Typed."), word("Typed to the end.")
ARCHIVE = b"PK, the server's own record"
RUNS = [{"created": "2026-11-23 09:00:01", "user": {"id": "ada's id", "name": "Ada"}}]
TOLD = {"serverVersion": "9.3.0", "changes": RUNS}


async def edited(service: Service) -> tuple[str, str]:
    """A file with an upload, a forcesave and a final, and the session's key."""
    file = await service.add(content=FIRST)
    key = await service.begin(file)
    await service.offered(6, key, "a", TYPED, forcesavetype=1, history=TOLD, lastsave=second(1))
    await service.offered(2, key, "b", FINAL, history=TOLD, lastsave=second(2))
    return file, key


async def listed(service: Service, file: str, by: str = "ada") -> dict[str, Any]:
    answer = await service.get(f"/api/files/{file}/history", by=by)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def shown(service: Service, file: str, number: int, by: str = "ada") -> dict[str, Any]:
    answer = await service.get(f"/api/files/{file}/history/{number}", by=by)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def keep_changes(service: Service, file: str, number: int) -> None:
    async def archive() -> AsyncIterator[bytes]:
        yield ARCHIVE

    blob = await LocalBlobs(service.settings.blobs_path).keep(archive(), limit=99)
    sql = "UPDATE versions SET changes_sha256 = ? WHERE file_id = ? AND number = ?"
    # In a thread: the service, whose loop this is, may be in the middle of a transaction.
    await trio.to_thread.run_sync(execute, service.settings.database, sql, (blob.sha256, file, number))


async def test_the_list_is_what_refresh_history_takes(service: Service) -> None:
    file, key = await edited(service)
    told = await listed(service, file)
    assert told["currentVersion"] == 3
    first, typed, final = told["history"]
    assert [entry["version"] for entry in told["history"]] == [1, 2, 3]
    assert first["user"]["name"] == "Ada"
    assert "changes" not in first
    assert (typed["serverVersion"], typed["changes"]) == ("9.3.0", RUNS)
    assert typed["user"] == RUNS[0]["user"]
    assert [entry["key"] for entry in (typed, final)] == [f"{key}-v2", f"{key}-v3"]
    keys = {entry["key"] for entry in told["history"]}
    assert len(keys | {key}) == 4
    assert all(KEY.fullmatch(each) for each in keys)
    assert len(first["created"]) == len("2026-11-23 12:00:00")


async def test_the_head_stands_last_so_that_all_others_can_be_restored(running: Running) -> None:
    service = await running(patience={"replacing": 0.2})
    file = await service.add(content=FIRST)
    key = await service.begin(file)
    await service.ask("PUT", f"/api/files/{file}/content", content=word("From outside."))
    await service.offered(2, key, "a", TYPED)
    told = await listed(service, file)
    assert [entry["version"] for entry in told["history"]] == [1, 3, 2]
    assert told["currentVersion"] == 2
    assert (await service.triggers(file))[-1] == "conflict"


async def test_a_version_comes_with_a_link_that_the_server_can_follow(service: Service) -> None:
    file, key = await edited(service)
    data = await shown(service, file, 2)
    token = data.pop("token")
    claims = jwt.decode(token, SECRET, ["HS256"])
    assert {name: claims[name] for name in data} == data
    assert claims["exp"] > claims["iat"]
    assert (data["version"], data["key"], data["fileType"]) == (2, f"{key}-v2", "docx")
    assert "previous" not in data
    assert "changesUrl" not in data
    assert (await followed(service, data["url"])).content == TYPED


async def followed(service: Service, url: str) -> Any:
    """As the Document Server does it, with its own signature."""
    public = service.settings.storage_url
    assert url.startswith(f"{public}/api/onlyoffice/file/")
    headers = {"Authorization": f"Bearer {signed({'payload': {'url': url}})}"}
    return await service.get(url.removeprefix(public), by=None, headers=headers)


async def test_kept_changes_come_with_the_version_that_they_begin_with(service: Service) -> None:
    file, _ = await edited(service)
    await keep_changes(service, file, 3)
    data = await shown(service, file, 3)
    first = (await listed(service, file))["history"][0]
    assert (data["previous"]["key"], data["previous"]["fileType"]) == (first["key"], "docx")
    assert (await followed(service, data["previous"]["url"])).content == FIRST
    changes = await followed(service, data["changesUrl"])
    assert (changes.content, changes.headers["X-Content-Type-Options"]) == (ARCHIVE, "nosniff")
    assert jwt.decode(data["token"], SECRET, ["HS256"])["changesUrl"] == data["changesUrl"]
    assert [version["changes"] for version in await service.versions(file)] == [False, False, True]


async def test_a_link_to_content_is_none_to_changes_and_the_other_way_round(service: Service) -> None:
    file, _ = await edited(service)
    await keep_changes(service, file, 3)
    data = await shown(service, file, 3)
    for url in (
        data["url"].replace("?", "/changes?"),
        data["previous"]["url"].replace("?", "/changes?"),
        data["changesUrl"].replace("/changes?", "?"),
        data["changesUrl"].replace(file, await service.add()),
    ):
        refused = await followed(service, url)
        assert (refused.status_code, refused.json()["code"]) == (403, "bad_token")


async def test_changes_that_were_not_kept_cannot_be_had(running: Running) -> None:
    secret = "signs the links to our own files, well"
    service = await running(secret=secret)
    file, _ = await edited(service)
    claims = {"aud": "docledger:changes", "file": file, "version": 2, "jti": "x", "exp": 2**40}
    token = jwt.encode(claims, secret, "HS256")
    refused = await service.get(f"/api/onlyoffice/file/{file}/changes?token={token}", by=None)
    assert refused.status_code == 403


@pytest.mark.parametrize("number", ["0", "9", "x", "-1", "9" * 30])
async def test_a_version_that_is_not_there_is_not_found(service: Service, number: str) -> None:
    missing = await service.get(f"/api/files/{await service.add()}/history/{number}")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


async def test_who_may_view_may_look_and_only_who_may_edit_restores(service: Service) -> None:
    file, _ = await edited(service)
    for path in (f"/api/files/{file}/history", f"/api/files/{file}/history/1"):
        assert (await service.get(path, by="bob")).status_code == 403
    await service.share(file, bob="view")
    assert (await listed(service, file, by="bob"))["currentVersion"] == 3
    assert (await shown(service, file, 1, by="bob"))["version"] == 1
    restore = f"/api/files/{file}/versions/1/restore"
    assert (await service.post(restore, by="bob")).status_code == 403
    await service.share(file, bob="edit")
    assert (await service.post(restore, by="bob")).json()["version"] == 4
    told = await listed(service, file)
    assert (told["currentVersion"], told["history"][-1]["user"]["name"]) == (4, "bob")


async def test_a_history_is_no_callback(service: Service) -> None:
    """Its token carries the same signature and a key."""
    file, _ = await edited(service)
    data = await shown(service, file, 2)
    answer = await service.http.post(f"{service.url}/api/onlyoffice/callback", json={"token": data["token"]})
    assert answer.json() == {"error": 0}, "the contract's answer, whatever comes"
    assert len(await service.versions(file)) == 3


async def test_without_a_signing_server_there_is_no_token(running: Running) -> None:
    service = await running(document_server_jwt=False, document_server_secret=None)
    file = await service.add()
    assert "token" not in await shown(service, file, 1)


async def test_versions_tell_by_whom_they_are(service: Service) -> None:
    file, _ = await edited(service)
    versions = await service.versions(file)
    assert [version["author"]["name"] for version in versions] == ["Ada", "Ada", "Ada"]
    assert hashlib.sha256(FINAL).hexdigest() == versions[-1]["sha256"]
