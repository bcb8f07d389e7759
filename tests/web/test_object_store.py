"""The service with its bytes in an object store: one that is there, one that hangs, and one that is not."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import trio

from application.doctor.seen import BlobTrip
from infrastructure.beside_the_log import clean_notes
from infrastructure.blob_stores import blobs_of
from infrastructure.doctor import storage
from tests.engines.objects import ObjectStore
from tests.object_store.stores import CREDENTIALS, NOWHERE, black_hole, keep
from tests.web.life import Running
from tests.web.service import Service, word
from tests.web.test_health import until, until_ready

FINE = (200, 0)
NEWER = word("Newer words.")


@pytest.fixture
def url(object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> str:
    tell(monkeypatch, **object_store.environment)
    return object_store.url()


def tell(monkeypatch: pytest.MonkeyPatch, **environment: str) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


def beside(service: Service) -> list[Path]:
    return [path for path in (service.settings.data_dir / "overflow").rglob("*") if path.is_file()]


@pytest.mark.parametrize("policy", ["durable", "always"])
async def test_saves_go_on_when_there_is_no_such_store(
    running: Running, monkeypatch: pytest.MonkeyPatch, policy: str
) -> None:
    tell(monkeypatch, **CREDENTIALS, AWS_ENDPOINT_URL=NOWHERE)
    service = await running(blob_url="s3://bucket/place", callback_reply=policy)
    file = await service.add()
    key = await service.begin(file)
    assert await service.offered(2, key, "1", NEWER) == FINE
    assert await service.content(file) == NEWER
    assert len(beside(service)) == 2
    await until(service, {"blobs": "new bytes are kept on the local disk"})


async def test_a_store_that_hangs_is_told_from_one_that_answers(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    with black_hole() as endpoint:
        tell(monkeypatch, **CREDENTIALS, AWS_ENDPOINT_URL=endpoint)
        service = await running(blob_url="s3://bucket/place")
        await until(service, {"blobs": "no answer within 2 s"})


@pytest.mark.scale
async def test_documents_are_edited_and_read_as_ever(running: Running, url: str) -> None:
    service = await running(blob_url=url, callback_reply="durable")
    await until_ready(service)
    file = await service.add()
    key = await service.begin(file)
    assert await service.offered(6, key, "1", NEWER) == FINE
    assert await service.offered(2, key, "2", word("The last words.")) == FINE
    await service.until_closed(key)
    assert await service.content(file) == word("The last words.")
    assert beside(service) == []
    numbers = sorted(version["number"] for version in await service.versions(file))
    contents = [
        (await service.get(f"/api/files/{file}/versions/{number}/content")).content for number in numbers
    ]
    assert contents == [word("The first words."), NEWER, word("The last words.")]


@pytest.mark.scale
async def test_a_part_of_a_file_is_served_by_whichever_node(running: Running, url: str) -> None:
    service = await running(blob_url=url)
    file = await service.add()
    (service.settings.data_dir / "cache" / hashlib.sha256(word("The first words.")).hexdigest()).unlink()
    part = await service.get(f"/api/files/{file}/content", headers={"Range": "bytes=5-104"})
    assert (part.status_code, part.content) == (206, word("The first words.")[5:105])
    again = await service.get(f"/api/files/{file}/content", headers={"If-None-Match": part.headers["ETag"]})
    assert again.status_code == 304


@pytest.mark.scale
async def test_while_the_store_hangs_saves_are_acknowledged_in_time_and_go_home_later(
    running: Running, object_store: ObjectStore, url: str
) -> None:
    service = await running(blob_url=url, callback_reply="durable", callback_budget_seconds=30)
    file = await service.add()
    key = await service.begin(file)
    object_store.pause()
    with trio.fail_after(12):
        assert await service.offered(6, key, "1", NEWER) == FINE
    with trio.fail_after(2):
        assert await service.offered(2, key, "2", word("The last words.")) == FINE
    assert len(beside(service)) == 2
    assert await service.content(file) == word("The last words.")
    object_store.resume()
    with trio.fail_after(60):
        while beside(service):  # noqa: ASYNC110 (the service is at work)
            await trio.sleep(0.05)
    await until_ready(service)
    assert await service.content(file) == word("The last words.")


@pytest.mark.scale
async def test_the_doctor_looks_at_the_store(
    running: Running, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = (await running(blob_url=url)).settings
    assert await trio.to_thread.run_sync(storage.object_trip, settings) == BlobTrip(objects=url)
    assert [disk.setting for disk in storage.disks(settings)] == ["DATA_DIR"]
    tell(monkeypatch, AWS_SECRET_ACCESS_KEY="another")
    trip = await trio.to_thread.run_sync(storage.object_trip, settings)
    assert (trip.stage, trip.objects) == ("kept", url)
    assert "permission denied" in trip.trouble


@pytest.mark.scale
async def test_names_are_taken_out_of_notes_in_the_store(running: Running, url: str) -> None:
    settings = (await running(blob_url=url)).settings
    blobs = blobs_of(settings)
    blob = await keep(blobs, b"suspect")
    await blobs.quarantine(blob.sha256, "k_1", {"by": "Ada", "reason": "no zip"})

    def without_ada(plain: Any) -> Any:
        return json.loads(json.dumps(plain).replace("Ada", "somebody"))

    assert await trio.to_thread.run_sync(storage.left_here, settings) == storage.Leftovers(
        forgotten=None, quarantined=1
    )
    assert await trio.to_thread.run_sync(clean_notes, settings, without_ada) == 1
    assert await trio.to_thread.run_sync(clean_notes, settings, without_ada) == 0
