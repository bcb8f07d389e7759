"""What the server is answered when storage fails, under both policies, and what becomes of the save."""

from __future__ import annotations

import pytest
import trio

from tests.infrastructure.raw_server import says
from tests.trouble import broken, locked
from tests.web.fake_server import SECRET, FakeServer, signed, withheld
from tests.web.life import Running
from tests.web.service import CALLBACK, Service, second, word

NEWER = word("Newer words.")
FINE, REFUSED, LATER = (200, 0), (200, 1), (503, 1)

policies = pytest.mark.parametrize("policy", ["always", "durable"])


async def stored(service: Service, file: str, content: bytes) -> None:
    for _ in range(1000):
        if await service.content(file) == content:
            return
        await trio.sleep(0.02)
    raise AssertionError("it is not stored")


@policies
@pytest.mark.parametrize("status", [2, 6])
async def test_a_save_that_neither_blob_store_nor_disk_takes(
    running: Running, policy: str, status: int
) -> None:
    service = await running(callback_reply=policy, callback_budget_seconds=1)
    file = await service.add()
    key = await service.begin(file)
    with broken(service.settings.blobs_path), broken(service.settings.data_dir / "overflow"):
        answer = await service.offered(status, key, "1", NEWER)
        assert answer == (FINE if policy == "always" else LATER)
    await stored(service, file, NEWER)


@policies
async def test_a_save_that_only_the_local_disk_takes_is_stored(running: Running, policy: str) -> None:
    service = await running(callback_reply=policy)
    file = await service.add()
    key = await service.begin(file)
    with broken(service.settings.blobs_path):
        assert await service.offered(6, key, "1", NEWER) == FINE
        assert await service.content(file) == NEWER
        assert (await service.triggers(file)) == ["upload", "command"]


@policies
async def test_a_save_that_the_journal_does_not_take(
    running: Running, server: FakeServer, policy: str
) -> None:
    service = await running(callback_reply=policy, callback_budget_seconds=8)
    file = await service.add()
    key = await service.begin(file)
    with locked(service.settings.database_path):
        answer = await service.offered(2, key, "1", NEWER)
        assert answer == (FINE if policy == "always" else LATER)
        status = (await service.get("/api/status", by="auditor:ann")).json()
        assert status["waiting_saves"] == 1
        server.result(f"{key}_1", says("410 Gone"))
    await stored(service, file, NEWER)
    assert await service.story(key) == ["Opened", "Joined", "SaveOffered", "Saved", "Closed"]


@policies
async def test_a_status_3_that_the_journal_does_not_take(running: Running, policy: str) -> None:
    service = await running(callback_reply=policy)
    key = await service.begin(await service.add())
    with locked(service.settings.database_path):
        answer = await service.told(3, key, users=["u"], lastsave=second(1))
        assert answer == (FINE if policy == "always" else REFUSED)


@policies
async def test_a_status_3_with_bytes(running: Running, policy: str) -> None:
    service = await running(callback_reply=policy)
    file = await service.add()
    key = await service.begin(file)
    answer = await service.offered(3, key, "1", NEWER)
    assert answer == (FINE if policy == "always" else REFUSED)
    versions = await service.versions(file)
    assert [(v["trigger"], v["head"]) for v in versions] == [("upload", True), ("failed", False)]
    document = await service.document(key)
    assert document["state"] == ("closed" if policy == "always" else "open")
    assert ("open the document again" in document["trouble"]) == (policy == "durable")


@policies
async def test_bytes_for_an_unknown_key_that_cannot_be_had(
    running: Running, server: FakeServer, policy: str
) -> None:
    service = await running(callback_reply=policy, callback_budget_seconds=0.5)
    gate = trio.Event()
    url = server.result("slow", withheld(gate, says("200 OK", NEWER)))
    claims = {"url": url, "filetype": "docx", "users": ["u"], "lastsave": second(1)}
    assert await service.told(2, "nobody-knows-it", **claims) == (FINE if policy == "always" else LATER)
    gate.set()
    await service.until(service.quarantined)


@policies
async def test_a_genuine_callback_of_a_wrong_clock_is_taken_and_the_skew_reported(
    running: Running, server: FakeServer, policy: str, caplog: pytest.LogCaptureFixture
) -> None:
    service = await running(callback_reply=policy)
    file = await service.add()
    key = await service.begin(file)
    url = server.result("1", NEWER)
    claims = {"key": key, "status": 2, "url": url, "filetype": "docx", "users": ["u"], "lastsave": second(1)}
    body = {"token": signed(claims, SECRET, age=7200)}
    answer = await service.http.post(service.url + CALLBACK, json=body)
    assert (answer.status_code, answer.json()) == (200, {"error": 0})
    assert await service.content(file) == NEWER
    status = (await service.get("/api/status", by="auditor:ann")).json()
    assert status["clock_skew"] == pytest.approx(-7200, abs=5)
    assert "7200 s behind ours" in caplog.text


async def test_the_status_is_for_auditors(running: Running) -> None:
    service = await running()
    assert (await service.get("/api/status")).status_code == 403
    assert (await service.get("/api/status", by=None)).status_code == 401
    status = (await service.get("/api/status", by="auditor:ann")).json()
    assert (status["unsaved"], status["waiting_saves"], status["shut"]) == (0, 0, False)


async def test_the_record_of_changes_is_kept_with_the_version(running: Running, server: FakeServer) -> None:
    service = await running()
    file = await service.add()
    key = await service.begin(file)
    changes = server.result("/cache/files/data/k_1/changes.zip/changes.zip", b"PK changes")
    assert await service.offered(2, key, "1", NEWER, changesurl=changes, history={"changes": []}) == FINE
    version = (await service.versions(file))[-1]
    path = service.settings.blobs_path / version["changes_sha256"][:2] / version["changes_sha256"]
    assert await trio.Path(path).read_bytes() == b"PK changes"


async def test_changes_that_do_not_come_keep_no_save_waiting(running: Running, server: FakeServer) -> None:
    service = await running()
    file = await service.add()
    key = await service.begin(file)
    changes = server.result("/cache/files/data/k_1/changes.zip/changes.zip", says("500 Oops"))
    assert await service.offered(2, key, "1", NEWER, changesurl=changes) == FINE
    assert (await service.versions(file))[-1]["changes_sha256"] is None
