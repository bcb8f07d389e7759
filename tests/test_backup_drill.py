"""The restore drill: backups are taken, and killed, while people edit, and each becomes a service again."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
import trio

from infrastructure.backup.layout import Destination, Manifest
from tests.chaos.page import Page
from tests.databases import Place, raw
from tests.engines.objects import ObjectStore
from tests.service import COMMAND, Service, running

DOCUMENTS = 4
DRILLS = 2
TOO_LONG = 60.0  # seconds
EVENTS = """SELECT position, originator_id, originator_version, topic, state, cause, at, file_id, salt,
    digest, link FROM stored_events WHERE position <= ? ORDER BY position"""
VERSIONS = "SELECT file_id, number, sha256 FROM versions ORDER BY file_id, number"


async def edit(service: Service, http: httpx.AsyncClient, file: str, chance: Random) -> None:
    """Come, type, save, go, and come again, for ever."""
    standin = service.standin_process()["url"]
    for visit in range(10_000):
        path = f"/api/onlyoffice/config/{file}"
        try:
            opened = (await http.get(path)).raise_for_status().json()
        except httpx.HTTPError:  # the last save is still on its way, or the connection was an old one
            await trio.sleep(0.5)
            continue
        config = {**opened["config"], "token": opened["token"]}
        page = Page(f"{standin}/standin/socket", config, lambda _: None)
        leaving = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(page.stay, leaving)
            for line in range(chance.randrange(5, 15)):
                await page.type(f"line {line} of visit {visit}")
                if line % 4 == 3:
                    await page.save()
                await trio.sleep(0.1)
            leaving.set()


async def take(service: Service, backup: Path, killed_after: float = TOO_LONG) -> None:
    command = [COMMAND, "backup", str(backup)]
    with trio.move_on_after(killed_after):  # a cancelled process is killed
        await trio.run_process(command, env=service.environment, deliver_cancel=kill, capture_stdout=True)
        return
    assert killed_after < TOO_LONG


async def kill(process: trio.Process) -> None:
    process.kill()


def rows(place: Place, sql: str, *parameters: Any) -> list[Any]:
    with raw(place) as connection:
        return [*map(tuple, connection.execute(sql, parameters).fetchall())]


@pytest.fixture(params=["files", pytest.param("engines", marks=pytest.mark.scale)])
def engines(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Settings of a service that keeps its log and its bytes there."""
    if request.param == "files":
        return {}
    store: ObjectStore = request.getfixturevalue("object_store")
    for name, value in store.environment.items():
        monkeypatch.setenv(name, value)
    return {"DATABASE_URL": request.getfixturevalue("postgres_database"), "BLOB_URL": store.url()}


async def test_every_backup_taken_under_load_is_the_service_as_it_was(
    tmp_path: Path, engines: dict[str, str]
) -> None:
    chance = Random(7)
    backup = Destination(tmp_path / "backup")
    with running(
        tmp_path, AUTOSAVE_SECONDS="1", CHECKPOINT_SECONDS="1", RATE_LIMIT="off", **engines
    ) as service:
        live = engines.get("DATABASE_URL", service.data / "docledger.db")
        files = []
        for number in range(DOCUMENTS):
            given = {"file": (f"notes{number}.txt", b"These are the notes.\n")}
            files.append(service.client.post("/api/files", files=given).json()["id"])
        async with (
            httpx.AsyncClient(base_url=service.url, trust_env=False, timeout=20) as http,
            trio.open_nursery() as nursery,
        ):
            for file in files:
                nursery.start_soon(edit, service, http, file, Random(chance.random()))
            for _ in range(DRILLS):
                await trio.sleep(2)
                await take(service, backup.root, killed_after=0.2 + chance.random())
                await take(service, backup.root)
            nursery.cancel_scope.cancel()
        assert service.command("backup", "--verify", str(backup.root)).returncode == 0
        snapshots = backup.all()
        assert len(snapshots) >= DRILLS
        assert all(versions_of(live, snapshot) for snapshot in snapshots)
        for number, snapshot in enumerate(snapshots):
            again = restored(backup, snapshot, tmp_path / f"again{number}")
            compare(live, again.data, Manifest.read(snapshot).position)
        go_on(service, again)


def versions_of(live: Place, snapshot: Path) -> int:
    """How many versions were saved by people who were editing."""
    position = Manifest.read(snapshot).position
    assert position < rows(live, "SELECT max(position) FROM stored_events")[0][0]
    return len(rows(snapshot / "docledger.db", "SELECT 1 FROM versions WHERE key IS NOT NULL"))


def restored(backup: Destination, snapshot: Path, folder: Path) -> Service:
    folder.mkdir()
    again = Service(folder)
    done = again.command("restore", str(backup.root), "--snapshot", snapshot.name)
    assert done.returncode == 0, done.stderr
    return again


def compare(live: Place, again: Path, position: int) -> None:
    """Every event up to the manifest's, and every byte of every version."""
    events = rows(again / "docledger.db", EVENTS, 2**62)
    assert events == rows(live, EVENTS, position)
    assert events[-1][0] == position
    for _, _, digest in rows(again / "docledger.db", VERSIONS):
        assert sha256((again / "blobs" / digest[:2] / digest).read_bytes()).hexdigest() == digest


def go_on(live: Service, again: Service) -> None:
    try:
        again.start()
        file, number, _ = rows(again.data / "docledger.db", VERSIONS)[-1]
        assert again.content(file, number) == live.content(file, number)
        assert again.types(again.key(file))[0] == "Opened"
        assert again.command("verify").returncode == 0
    finally:
        again.close()
