"""Backups: what they have, what a kill or a full disk leaves of them, and what becomes of them again."""

from __future__ import annotations

import json
import resource
import shutil
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import trio

from infrastructure.backup.checking import check
from infrastructure.backup.layout import LOCK, BackupFailed, Destination, Manifest, listed, referenced
from infrastructure.backup.making import Made, make
from infrastructure.backup.places import Places
from infrastructure.backup.restoring import MARK, restore
from infrastructure.evidence import verify
from infrastructure.journal.sqlite.upgrading import CURRENT
from infrastructure.kept import own_secret
from infrastructure.settings import Settings
from tests.web.service import Given
from web.importing import import_files

ROOT = Path(__file__).parent.parent.parent


def settings_of(folder: Path) -> Settings:
    return Given(data_dir=folder)


def add(data: Path, **texts: str) -> None:
    """Files with these contents."""
    letters = data.parent / "letters"
    letters.mkdir(exist_ok=True)
    for name, text in texts.items():
        (letters / f"{name}.txt").write_text(text)
    paths = [letters / f"{name}.txt" for name in texts]
    trio.run(import_files, settings_of(data), paths, "local", False, lambda _: None)


class Silent:
    def log(self, done: int, pages: int) -> None: ...

    def bytes(self, count: int, left: int) -> None: ...


@pytest.fixture
def data(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    add(data, **{f"letter{number}": f"Dear number {number}" for number in range(5)})
    own_secret(settings_of(data))
    (data / "sidecars").mkdir()
    (data / "sidecars" / "waiting.json").write_text("{}")
    (data / "blobs" / "quarantine" / "suspect.json").write_text("{}")
    return data


@pytest.fixture
def backup(tmp_path: Path) -> Destination:
    return Destination(tmp_path / "backup")


def places(data: Path) -> Places:
    return Places.of(settings_of(data))


def made(data: Path, backup: Destination, keep: int = 7, shown: Silent | None = None) -> Made:
    return make(places(data), backup, keep, shown or Silent())


def findings(backup: Destination) -> list[str]:
    return list(check(backup, backup.all(), lambda _: None))


def rows(database: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(sql).fetchall()


def same(one: Path, other: Path) -> None:
    """Every event, every row made of them, every byte."""
    tables = [name for (name,) in rows(one, "SELECT name FROM sqlite_schema WHERE type = 'table'")]
    assert "stored_events" in tables
    for table in tables:
        assert rows(one, f"SELECT * FROM {table}") == rows(other, f"SELECT * FROM {table}")
    for sha256 in referenced(one):
        blob = f"blobs/{sha256[:2]}/{sha256}"
        assert (one.parent / blob).read_bytes() == (other.parent / blob).read_bytes()


def test_what_was_backed_up_is_restored(data: Path, backup: Destination, tmp_path: Path) -> None:
    manifest = made(data, backup).manifest
    assert (manifest.position, manifest.blob_count, manifest.missing) == (10, 5, [])
    assert findings(backup) == []
    new = tmp_path / "new"
    assert restore(backup, backup.snapshot(None), places(new), lambda _: None) == []
    same(data / "docledger.db", new / "docledger.db")
    for name in ("secret", "sidecars/waiting.json", "blobs/quarantine/suspect.json"):
        assert (new / name).read_bytes() == (data / name).read_bytes()
    assert not (new / MARK).exists()
    add(new, another="and it can be written to")
    assert verify(new / "docledger.db", []).findings == []


def test_nobody_else_may_read_it(data: Path, backup: Destination) -> None:
    made(data, backup)
    assert backup.root.stat().st_mode & 0o777 == 0o700
    files = [path for path in backup.snapshot(None).rglob("*") if path.is_file()]
    assert len(files) == 6
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


def test_a_second_one_copies_only_what_is_new(data: Path, backup: Destination) -> None:
    assert made(data, backup).copied == 5
    assert made(data, backup).copied == 0
    add(data, new="news")
    assert made(data, backup).copied == 1
    assert [len(listed(snapshot)) for snapshot in backup.all()] == [5, 5, 6]
    assert findings(backup) == []


def test_so_many_are_kept_and_bytes_that_only_others_had_go_with_them(
    data: Path, backup: Destination
) -> None:
    made(data, backup)
    gone = rows(data / "docledger.db", "SELECT sha256 FROM versions LIMIT 1")[0][0]
    with closing(sqlite3.connect(data / "docledger.db")) as database, database:
        database.execute("DELETE FROM versions WHERE sha256 = ?", (gone,))
    (data / "blobs" / str(gone)[:2] / str(gone)).unlink()
    made(data, backup, keep=2)
    assert backup.blobs.size(str(gone)) is not None
    made(data, backup, keep=2)
    assert len(backup.all()) == 2
    assert backup.blobs.size(str(gone)) is None
    assert backup.blobs.size(str(rows(data / "docledger.db", "SELECT sha256 FROM versions")[0][0]))


def test_a_writer_waits_for_nothing_while_the_log_is_copied(
    data: Path, backup: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infrastructure.journal.sqlite.copying.PAGES", 1)
    written = []

    class Writing(Silent):
        def log(self, done: int, pages: int) -> None:
            with closing(sqlite3.connect(data / "docledger.db", timeout=0)) as database, database:
                database.execute("INSERT INTO people VALUES (?, 'Late')", (f"late {done}",))
                written.append(done)

    made(data, backup, shown=Writing())
    assert len(written) > 20
    assert rows(backup.snapshot(None) / "docledger.db", "SELECT * FROM people WHERE name = 'Late'") == []


def test_bytes_that_are_thinned_out_while_it_copies_are_not_missed(data: Path, backup: Destination) -> None:
    class Thinning(Silent):
        def bytes(self, count: int, left: int) -> None:
            for (sha256,) in rows(
                data / "docledger.db", "SELECT sha256 FROM versions ORDER BY 1 DESC LIMIT 1"
            ):
                with closing(sqlite3.connect(data / "docledger.db")) as database, database:
                    database.execute("DELETE FROM versions WHERE sha256 = ?", (sha256,))
                (data / "blobs" / str(sha256)[:2] / str(sha256)).unlink()
            self.bytes = lambda count, left: None  # type: ignore[method-assign]

    manifest = made(data, backup, shown=Thinning()).manifest
    assert (manifest.missing, manifest.blob_count) == ([], 4)
    assert findings(backup) == []


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_bytes(b"spoilt")])
def test_bytes_that_the_service_itself_has_lost_are_named(
    data: Path, backup: Destination, spoil: Callable[[Path], object]
) -> None:
    (lost,) = (path for path in sorted((data / "blobs").glob("??/*"))[:1])
    spoil(lost)
    assert made(data, backup).manifest.missing == [lost.name]
    assert any(lost.name in finding for finding in findings(backup))


def test_bytes_are_found_in_the_overflow_as_well(data: Path, backup: Destination) -> None:
    blob = sorted((data / "blobs").glob("??/*"))[0]
    beside = data / "overflow" / blob.parent.name / blob.name
    beside.parent.mkdir(parents=True)
    blob.rename(beside)
    assert made(data, backup).manifest.missing == []


KILLED = """
    import os, signal, sys
    from pathlib import Path
    from infrastructure.backup import layout, making
    from tests.infrastructure import test_backup

    def deadly(original, when):
        calls = iter(range(100))
        def instead(*arguments):
            if next(calls) == when:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*arguments)
        return instead

    for place, name in ((layout.Store, "take"), (making.Making, "publish"), (making, "prune")):
        if name == sys.argv[3]:
            setattr(place, name, deadly(getattr(place, name), int(sys.argv[4])))
    test_backup.made(Path(sys.argv[1]), layout.Destination(Path(sys.argv[2])))
"""


@pytest.mark.parametrize(
    ("where", "when", "left"), [("take", 0, 5), ("take", 3, 2), ("publish", 0, 0), ("prune", 0, 0)]
)
def test_a_kill_leaves_earlier_ones_whole_and_is_gone_on_with(
    data: Path, backup: Destination, where: str, when: int, left: int
) -> None:
    made(data, backup)
    (before,) = backup.all()
    add(data, **{f"more{number}": f"More of {number}" for number in range(5)})
    command = [sys.executable, "-c", textwrap.dedent(KILLED), data, backup.root, where, str(when)]
    assert subprocess.run(command, cwd=ROOT, check=False, timeout=60).returncode == -9
    assert before in backup.all()
    assert findings(backup) == []
    assert made(data, backup).copied == left
    assert findings(backup) == []
    assert len(listed(backup.snapshot(None))) == 10
    assert [path.name for path in backup.tmp.iterdir()] == []


@pytest.mark.parametrize("most", [50_000, 150_000])
def test_a_disk_that_is_full_leaves_earlier_ones_whole(data: Path, backup: Destination, most: int) -> None:
    """A limit on the size of files: the log does not fit, or some bytes do not."""
    made(data, backup)
    (before,) = backup.all()
    add(data, big="b" * 200_000)
    done = subprocess.run(
        [str(Path(sys.executable).with_name("docledger")), "backup", backup.root],
        env={"DOCLEDGER_DATA_DIR": str(data), "PATH": "/usr/bin:/bin"},
        cwd=data.parent,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert "Earlier backups are as they were" in done.stderr
    assert backup.all() == [before]
    assert findings(backup) == []
    assert made(data, backup).manifest.blob_count == 6


def test_a_clock_that_was_set_back_changes_no_order(data: Path, backup: Destination) -> None:
    snapshot = made(data, backup).snapshot
    ahead = snapshot.rename(snapshot.with_name("20991231T235959.999999Z"))
    second = made(data, backup, keep=2).snapshot
    assert backup.all() == [ahead, second]
    assert second.name == "21000101T000000.000000Z"
    assert findings(backup) == []


def test_what_another_release_has_made_is_left_to_it(data: Path, backup: Destination, tmp_path: Path) -> None:
    snapshot = made(data, backup).snapshot
    with closing(sqlite3.connect(data / "docledger.db")) as database:
        database.execute(f"PRAGMA user_version = {CURRENT + 1}")
    with pytest.raises(BackupFailed, match="newer release"):
        made(data, backup)
    assert backup.all() == [snapshot]
    plain = json.loads((snapshot / "manifest.json").read_text())
    (snapshot / "manifest.json").write_text(json.dumps({**plain, "schema": CURRENT + 1}))
    with pytest.raises(BackupFailed, match="newer release"):
        restore(backup, snapshot, places(tmp_path / "new"), lambda _: None)
    assert not (tmp_path / "new").exists()


def test_two_at_once_are_refused(data: Path, backup: Destination) -> None:
    backup.prepare()
    with backup.held(), pytest.raises(BackupFailed, match="under way"):
        made(data, backup)


def test_a_folder_that_is_no_backup_is_left_alone(data: Path, tmp_path: Path) -> None:
    for name in ("tmp", "blobs"):
        (tmp_path / "var" / name).mkdir(parents=True)
        (tmp_path / "var" / name / "somebody's").write_text("own")
    for folder in (tmp_path / "var", data, data / "blobs"):
        before = sorted(folder.rglob("*"))
        with pytest.raises(BackupFailed, match="is no backup"):
            made(data, Destination(folder))
        assert sorted(folder.rglob("*")) == before


def test_without_a_log_there_is_nothing_to_back_up(tmp_path: Path, backup: Destination) -> None:
    with pytest.raises(BackupFailed, match="no log"):
        made(tmp_path / "elsewhere", backup)
    assert not backup.root.exists()


def test_whatever_is_changed_or_missing_is_found(data: Path, backup: Destination) -> None:
    made(data, backup)
    files = [path for path in backup.root.rglob("*") if path.is_file() and path.name != LOCK]
    assert len(files) == 11
    for path in files:
        content = path.read_bytes()
        path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
        assert findings(backup), path
        path.unlink()
        assert findings(backup), path
        path.write_bytes(content)
    assert findings(backup) == []


def test_it_is_restored_only_where_nothing_is(data: Path, backup: Destination, tmp_path: Path) -> None:
    made(data, backup)
    before = (data / "docledger.db").read_bytes()
    with pytest.raises(BackupFailed, match="is not empty"):
        restore(backup, backup.snapshot(None), places(data), lambda _: None)
    assert (data / "docledger.db").read_bytes() == before
    with pytest.raises(BackupFailed, match="no backup yesterday"):
        backup.snapshot("yesterday")


def test_a_restoration_that_was_killed_is_gone_on_with(
    data: Path, backup: Destination, tmp_path: Path
) -> None:
    made(data, backup)
    new = tmp_path / "new"

    def interrupted(count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore(backup, backup.snapshot(None), places(new), interrupted)
    assert not (new / "docledger.db").exists()
    assert restore(backup, backup.snapshot(None), places(new), lambda _: None) == []
    same(data / "docledger.db", new / "docledger.db")
    with pytest.raises(BackupFailed, match="is not empty"):
        restore(backup, backup.snapshot(None), places(new), lambda _: None)


def test_what_a_restoration_lacks_is_named(data: Path, backup: Destination, tmp_path: Path) -> None:
    made(data, backup)
    lost, spoilt = sorted(backup.blobs.root.glob("??/*"))[:2]
    lost.unlink()
    spoilt.write_bytes(b"spoilt")
    found = restore(backup, backup.snapshot(None), places(tmp_path / "new"), lambda _: None)
    assert [lost.name in finding or spoilt.name in finding for finding in found] == [True, True]


@pytest.mark.parametrize("name", ["../secret", "sidecars/../../secret", "/etc/passwd", "sidecars/.."])
def test_a_manifest_names_no_file_elsewhere(data: Path, backup: Destination, name: str) -> None:
    snapshot = made(data, backup).snapshot
    plain = json.loads((snapshot / "manifest.json").read_text())
    (snapshot / "manifest.json").write_text(json.dumps({**plain, "files": {name: "0" * 64}}))
    with pytest.raises(BackupFailed, match="no part of a backup"):
        Manifest.read(snapshot)
    shutil.rmtree(snapshot)
