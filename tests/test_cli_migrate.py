"""`docledger migrate`, as whoever grows from one machine meets it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from infrastructure.store_urls import is_postgres
from tests.databases import execute, rows
from tests.engines.objects import ObjectStore
from tests.infrastructure.migrating import same
from tests.service import Service

TEXTS = {f"letter{number}.txt": f"Dear number {number}".encode() for number in range(3)}


class Target:
    """Where the service is to go."""

    def __init__(self, database: str, blobs: str, **environment: str) -> None:
        self.database, self.blobs, self.environment = database, blobs, environment

    @property
    def options(self) -> list[str]:
        return ["--database", self.database, "--blobs", self.blobs]

    @property
    def place(self) -> Path | str:
        return self.database if is_postgres(self.database) else Path(self.database.removeprefix("sqlite:///"))


@pytest.fixture(params=["files", pytest.param("engines", marks=pytest.mark.scale)])
def target(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Target:
    if request.param == "files":
        return Target(f"sqlite:///{tmp_path}/new/docledger.db", f"file://{tmp_path}/new/blobs")
    store: ObjectStore = request.getfixturevalue("object_store")
    for name, value in store.environment.items():
        monkeypatch.setenv(name, value)
    return Target(request.getfixturevalue("postgres_database"), store.url())


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path)
    yield service
    service.close()


def upload(service: Service, name: str, text: bytes) -> str:
    file: str = service.client.post("/api/files", files={"file": (name, text)}).json()["id"]
    return file


def test_a_service_grows_without_losing_anything(tmp_path: Path, service: Service, target: Target) -> None:
    service.start()
    files = {upload(service, name, text): text for name, text in TEXTS.items()}
    key = service.key(next(iter(files)))
    first = service.command("migrate", *target.options)
    assert first.returncode == 3, first.stderr
    assert "Others have the log open" in first.stdout
    files[upload(service, "late.txt", b"Too late?")] = b"Too late?"
    assert service.command("drain", "--close").returncode == 0
    assert service.stop() == 0
    before = (service.data / "docledger.db").read_bytes()
    last = service.command("migrate", *target.options, "--json")
    outcome = json.loads(last.stdout)
    assert (last.returncode, outcome["finished"], outcome["blobs"]) == (0, True, 1)
    assert (service.data / "docledger.db").read_bytes() == before
    same(service.data / "docledger.db", target.place)

    new = Service(tmp_path, DATABASE_URL=target.database, BLOB_URL=target.blobs)
    try:
        assert new.command("verify").returncode == 0
        new.start()
        for file, text in files.items():
            assert new.content(file, 1) == text
        assert new.types(key)[0] == "Opened"
        assert new.key(next(iter(files)))
        again = service.command("migrate", *target.options)
        assert again.returncode == 1
        assert "have " in again.stderr or "is there" in again.stderr or "There is" in again.stderr
    finally:
        new.close()
    refused = service.command("migrate", *target.options)
    assert refused.returncode == 1
    assert "in use" in refused.stderr or "There is" in refused.stderr


def test_what_to_set_and_what_to_take_along_is_said(tmp_path: Path, service: Service) -> None:
    service.start()
    upload(service, "letter.txt", b"Dear")
    service.stop()
    done = service.command("migrate", "--blobs", f"file://{tmp_path}/elsewhere")
    assert done.returncode == 0, done.stderr
    assert f"DOCLEDGER_BLOB_URL=file://{tmp_path}/elsewhere" in done.stdout
    assert "DATABASE_URL" not in done.stdout
    assert "data/secret" in done.stdout


def test_passwords_are_not_shown(service: Service) -> None:
    service.start()
    service.stop()
    done = service.command(
        "migrate", "--database", "postgresql://me:hush@127.0.0.1:1/docledger?connect_timeout=1"
    )
    assert done.returncode == 1
    assert "127.0.0.1" in done.stderr
    assert "hush" not in done.stderr + done.stdout


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "Say where to"),
        (("--database", "mysql://host/db"), "must look like"),
        (("--blobs", "s3://"), "must look like"),
        (("--database", "sqlite:///{data}/docledger.db"), "Say where to"),
    ],
)
def test_what_cannot_be_meant_is_refused(service: Service, options: tuple[str, ...], told: str) -> None:
    done = service.command("migrate", *(option.format(data=service.data) for option in options))
    assert (done.returncode, told in done.stderr) == (2, True), done.stderr


def test_without_a_log_there_is_nothing_to_migrate(tmp_path: Path, service: Service) -> None:
    done = service.command("migrate", "--database", f"sqlite:///{tmp_path}/new.db")
    assert done.returncode == 1
    assert "no log" in done.stderr
    assert not (tmp_path / "new.db.copying").exists()
    assert not service.data.exists()


def test_a_tampered_log_is_not_blessed_and_says_what_was_done(tmp_path: Path, service: Service) -> None:
    service.start()
    upload(service, "letter.txt", b"Dear")
    service.stop()
    with_position = rows(service.data / "docledger.db", "SELECT max(position) FROM stored_events")[0][0]
    execute(service.data / "docledger.db", "UPDATE stored_events SET state = ? WHERE position = 1", (b"{}",))
    database = f"sqlite:///{tmp_path}/new.db"
    done = service.command("migrate", "--database", database)
    assert done.returncode == 1
    assert "position 1: changed" in done.stdout
    assert not (tmp_path / "new.db").exists()
    done = service.command("migrate", "--database", database, "--as-it-is")
    assert done.returncode == 0, done.stdout
    assert f"event {with_position}" in done.stdout
    assert (tmp_path / "new.db").exists()
