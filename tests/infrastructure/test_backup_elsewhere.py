"""Backups of a log in PostgreSQL and of bytes in an object store are like any other, and go anywhere."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
import trio

from infrastructure.backup.layout import BackupFailed, Destination, Manifest, listed
from infrastructure.backup.making import Made, make
from infrastructure.backup.places import Places
from infrastructure.backup.restoring import MARK, restore
from infrastructure.depots import checked
from infrastructure.journal.erasing import Eraser, of_names, of_person
from infrastructure.journal.postgres.ledger import PostgresLedger
from infrastructure.kept import own_secret
from infrastructure.migrating.sqlite_copy import SqliteCopy
from infrastructure.settings import Settings
from tests.databases import execute, rows
from tests.engines.objects import ObjectStore
from tests.engines.postgres import Postgres
from tests.infrastructure.migrating import same, whole
from tests.infrastructure.test_backup import Silent, findings
from tests.story import at
from tests.web.service import Given
from web.importing import import_files

pytestmark = pytest.mark.scale
ROOT = Path(__file__).parent.parent.parent
OWNER = "sub of Ada"

MakeSettings = Callable[[str], Settings]


@pytest.fixture
def elsewhere(
    tmp_path: Path, postgres: Postgres, object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> MakeSettings:
    """A service's settings with a database, a place in the object store and a folder of its own."""
    for name, value in object_store.environment.items():
        monkeypatch.setenv(name, value)
    postgres.ensure()
    return lambda name: Given(
        data_dir=tmp_path / name,
        database_url=postgres.create_database(),
        blob_url=object_store.url(),
    )


@pytest.fixture
def service(elsewhere: MakeSettings) -> Settings:
    service = elsewhere("data")
    add(service, **{f"letter{number}": f"Dear number {number}" for number in range(5)})
    own_secret(service)
    Places.of(service).store.note(f"{'a' * 64}-{'b' * 16}.json", b"{}")
    (service.data_dir / "sidecars").mkdir(exist_ok=True)
    (service.data_dir / "sidecars" / "waiting.json").write_text("{}")
    return service


@pytest.fixture
def backup(tmp_path: Path) -> Destination:
    return Destination(tmp_path / "backup")


def add(settings: Settings, **texts: str) -> None:
    """Files with these contents."""
    letters = settings.data_dir.parent / "letters"
    letters.mkdir(exist_ok=True)
    for name, text in texts.items():
        (letters / f"{name}.txt").write_text(text)
    paths = [letters / f"{name}.txt" for name in texts]
    trio.run(import_files, settings, paths, OWNER, False, lambda _: None)


def made(settings: Settings, backup: Destination) -> Made:
    return make(Places.of(settings), backup, 7, Silent())


def erase(settings: Settings, user: str, names: frozenset[str]) -> int:
    ledger = PostgresLedger(settings.database_url)
    eraser = Eraser(ledger, "operator", lambda: at(1000))
    erasures = (of_names(user, names), of_person(user))
    done = sum(eraser.erase(stream, erasure) for erasure in erasures for stream in eraser.find(erasure))
    ledger.close()
    return done


def alike(one: Places, other: Places) -> None:
    same(one.database, other.database)
    for (sha256,) in rows(one.database, "SELECT DISTINCT sha256 FROM versions"):
        assert b"".join(checked(one.store, sha256)) == b"".join(checked(other.store, sha256))
    assert sorted(one.store.notes()) == sorted(other.store.notes())


@pytest.mark.parametrize("where", ["files", "engines"])
def test_what_was_backed_up_is_restored_anywhere(
    service: Settings, backup: Destination, tmp_path: Path, elsewhere: MakeSettings, where: str
) -> None:
    manifest = made(service, backup).manifest
    assert (manifest.position, manifest.blob_count, manifest.missing) == (10, 5, [])
    assert findings(backup) == []
    new = Places.within(tmp_path / "new") if where == "files" else Places.of(elsewhere("new"))
    assert restore(backup, backup.snapshot(None), new, lambda _: None) == []
    alike(Places.of(service), new)
    whole(new.database)
    for name in ("secret", "sidecars/waiting.json"):
        assert (new.data / name).read_bytes() == (service.data_dir / name).read_bytes()
    assert not (new.data / MARK).exists()


def test_one_of_files_is_restored_to_engines_and_used(tmp_path: Path, elsewhere: MakeSettings) -> None:
    data, backup = Given(data_dir=tmp_path / "data"), Destination(tmp_path / "backup")
    add(data, letter="Dear", other="Dear other")
    made(data, backup)
    new = elsewhere("new")
    assert restore(backup, backup.snapshot(None), Places.of(new), lambda _: None) == []
    alike(Places.of(data), Places.of(new))
    add(new, another="and it can be written to")
    whole(new.database)


def test_the_second_one_fetches_only_what_is_new(
    service: Settings, backup: Destination, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(service, backup)
    add(service, more="More")
    inserted = []
    insert = SqliteCopy.insert

    def count(*given: object) -> None:
        inserted.extend(given[2] if given[1].name == "stored_events" else [])  # type: ignore[call-overload,attr-defined]
        insert(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(SqliteCopy, "insert", count)
    second = made(service, backup)
    assert len(inserted) == 2
    assert second.copied == 1
    assert findings(backup) == []
    same(service.database, second.snapshot / "docledger.db")
    assert [path.name for path in backup.tmp.iterdir()] == []


def test_what_was_erased_is_not_in_the_next_one(service: Settings, backup: Destination) -> None:
    add(service, mine="of Ada")
    user, name = rows(service.database, "SELECT owner, owner_name FROM files LIMIT 1")[0]
    first = made(service, backup).snapshot
    assert str(name).encode() in (first / "docledger.db").read_bytes()
    assert erase(service, user, frozenset({name}))
    ledger = PostgresLedger(service.database_url)
    ledger.views.note(lambda cursor: cursor.execute("DELETE FROM people WHERE id = ?", (user,)))
    ledger.close()
    second = made(service, backup).snapshot
    same(service.database, second / "docledger.db")
    assert str(name).encode() not in (second / "docledger.db").read_bytes()
    assert findings(backup) == []


@pytest.mark.parametrize("spoil", ["log", "manifest"])
def test_one_that_was_spoilt_is_not_gone_on_from(service: Settings, backup: Destination, spoil: str) -> None:
    first = made(service, backup).snapshot
    if spoil == "log":
        execute(first / "docledger.db", "UPDATE people SET name = 'Mallory'")
    else:
        (first / "manifest.json").write_text("{}")
    second = made(service, backup).snapshot
    same(service.database, second / "docledger.db")


def test_the_log_of_another_service_is_not_gone_on_from(
    service: Settings, backup: Destination, elsewhere: MakeSettings
) -> None:
    made(service, backup)
    other = elsewhere("other")
    add(other, letter="of somebody else", another="one")
    same(other.database, made(other, backup).snapshot / "docledger.db")
    assert findings(backup) == []


def test_while_others_write_it_is_of_one_moment(service: Settings, backup: Destination) -> None:
    ended = threading.Event()

    def write() -> None:
        for number in range(100):
            if ended.is_set():
                return
            add(service, **{f"late{number}": f"late {number}"})

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(3):
            assert made(service, backup).manifest.missing == []
    finally:
        ended.set()
        writer.join()
    assert findings(backup) == []
    assert len({Manifest.read(snapshot).position for snapshot in backup.all()}) > 1


def test_it_is_restored_only_where_nothing_is(
    service: Settings, backup: Destination, elsewhere: MakeSettings, tmp_path: Path
) -> None:
    snapshot = made(service, backup).snapshot
    for name, what in (("database_url", "There is a log"), ("blob_url", "There are bytes")):
        taken = elsewhere(name).model_copy(update={name: getattr(service, name)})
        with pytest.raises(BackupFailed, match=what):
            restore(backup, snapshot, Places.of(taken), lambda _: None)
        assert not (taken.data_dir / MARK).exists()
    whole(service.database)


KILLED = """
    import os, signal, sys
    from pathlib import Path
    from infrastructure.backup import making, restoring
    from infrastructure.backup.layout import Destination, Store
    from infrastructure.backup.places import Places
    from infrastructure.migrating import copying
    from infrastructure.migrating.postgres_copy import PostgresCopy
    from infrastructure.migrating.sqlite_copy import SqliteCopy
    from infrastructure.object_store import Bucket
    from tests.infrastructure.test_backup import Silent
    from tests.web.service import Given

    what, folder, left, data, database, blobs = sys.argv[1:]
    left, copying.BATCH = int(left), 3

    def deadly(original):
        def instead(*arguments, **more):
            global left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*arguments, **more)
        return instead

    for place, names in (
        (Store, ["take"]), (Bucket, ["keep"]), (PostgresCopy, ["insert", "transaction", "release"]),
        (SqliteCopy, ["insert", "transaction", "release"]), (making.Making, ["publish"]), (making, ["prune"]),
    ):
        for name in names:
            setattr(place, name, deadly(getattr(place, name)))
    places = Places.of(Given(data_dir=Path(data), database_url=database, blob_url=blobs))
    backup = Destination(Path(folder))
    if what == "backup":
        making.make(places, backup, 7, Silent())
    else:
        restoring.restore(backup, backup.snapshot(None), places, lambda _: None)
"""


def killed(what: str, backup: Destination, settings: Settings, left: int) -> bool:
    told = (what, backup.root, str(left), settings.data_dir, settings.database_url, settings.blob_url)
    command = [sys.executable, "-c", textwrap.dedent(KILLED), *told]
    done = subprocess.run(command, cwd=ROOT, check=False, timeout=120, capture_output=True, text=True)
    assert done.returncode in {0, -signal.SIGKILL}, done.stderr
    return done.returncode != 0


def test_killed_at_any_moment_both_are_gone_on_with(
    service: Settings, backup: Destination, elsewhere: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = Random(6)
    made(service, backup)
    (before,) = backup.all()
    add(service, **{f"more{number}": f"More of {number}" for number in range(5)})
    for _ in range(4):
        killed("backup", backup, service, chance.randrange(1, 25))
        assert before in backup.all()
        assert findings(backup) == []
    made(service, backup)
    assert len(listed(backup.snapshot(None))) == 10
    new = elsewhere("new")
    for _ in range(4):
        if not killed("restore", backup, new, chance.randrange(1, 25)):
            break
        with pytest.raises(BackupFailed, match=r"already|is not empty"):
            restore(backup, before, Places.of(new), lambda _: None)
    if (new.data_dir / MARK).exists():
        assert restore(backup, backup.snapshot(None), Places.of(new), lambda _: None) == []
    alike(Places.of(service), Places.of(new))
    whole(new.database)
