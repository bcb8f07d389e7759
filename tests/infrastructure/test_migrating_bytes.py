"""Bytes that are copied to another store are there, each as its digest says, whatever goes wrong."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from random import Random

import pytest

from application.ports import Blob, StorageFailed
from infrastructure.depots import Depot, FolderDepot, checked
from infrastructure.migrating.blobs import Moving, Trashed
from infrastructure.object_store import PATIENT, bucket_at
from tests.databases import execute
from tests.engines.objects import ObjectStore
from tests.infrastructure.ledgers import make
from tests.infrastructure.migrating import Silent, moved, moved_beside
from tests.object_store.stores import BRISK, blob_of, file_of, in_memory

ROOT = Path(__file__).parent.parent.parent
NOTE = f"{'a' * 64}-{'b' * 16}.json"


def contents(number: int) -> list[bytes]:
    return [Random(at).randbytes(Random(at).randrange(1, 3000)) for at in range(number)]


def keep(depot: Depot, folder: Path, *texts: bytes) -> list[Blob]:
    every = [blob_of(text) for text in texts]
    for text, blob in zip(texts, every, strict=True):
        depot.keep(file_of(folder, text), blob)
    return every


def has(depot: Depot, *texts: bytes) -> bool:
    return all(b"".join(checked(depot, blob_of(text).sha256)) == text for text in texts)


@pytest.fixture
def store(tmp_path: Path) -> FolderDepot:
    return FolderDepot(tmp_path / "blobs")


@pytest.fixture(params=["folder", "memory", pytest.param("objects", marks=pytest.mark.scale)])
def target(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Depot:
    if request.param == "folder":
        return FolderDepot(tmp_path / "target")
    if request.param == "memory":
        return in_memory()
    real: ObjectStore = request.getfixturevalue("object_store")
    for name, value in real.environment.items():
        monkeypatch.setenv(name, value)
    return bucket_at(real.url(), PATIENT)


def test_all_of_them_are_copied_once_and_so_are_notes(
    store: FolderDepot, target: Depot, tmp_path: Path
) -> None:
    texts = [b"", b"large" * 2_000_000, *contents(20)]
    keep(store, tmp_path, *texts)
    store.note(NOTE, b'{"reason": "no zip"}')
    moving = Moving([store], target)
    moving.copy(Silent())
    assert (moving.copied, moving.copied_bytes) == (22, sum(map(len, texts)))
    assert has(target, *texts)
    assert target.noted(NOTE) == b'{"reason": "no zip"}'
    again = Moving([store], target)
    again.copy(Silent())
    assert again.copied == 0
    back = FolderDepot(tmp_path / "back")
    Moving([target], back).copy(Silent())
    assert has(back, *texts)
    assert back.noted(NOTE) == b'{"reason": "no zip"}'


def test_bytes_that_wait_or_were_laid_aside_are_found(
    store: FolderDepot, target: Depot, tmp_path: Path
) -> None:
    overflow = FolderDepot(tmp_path / "overflow")
    keep(overflow, tmp_path, b"waiting")
    (aside,) = keep(store, tmp_path, b"laid aside")
    store.path(aside.sha256).rename(tmp_path / "blobs" / "trash" / aside.sha256)
    Moving([overflow, store, Trashed(tmp_path / "blobs"), store], target).copy(Silent())
    assert has(target, b"waiting", b"laid aside")


def test_damaged_bytes_are_not_copied_and_whole_ones_from_elsewhere_are(
    store: FolderDepot, target: Depot, tmp_path: Path
) -> None:
    lost, saved = keep(store, tmp_path, b"lost", b"saved")
    beside = FolderDepot(tmp_path / "beside")
    keep(beside, tmp_path, b"saved")
    for blob in (lost, saved):
        store.path(blob.sha256).write_bytes(b"spoilt")
    moving = Moving([store, beside], target)
    moving.copy(Silent())
    assert has(target, b"saved")
    assert moving.lacking({lost.sha256, saved.sha256}) == {lost.sha256}


def test_what_was_cut_off_in_the_target_is_copied_again(
    store: FolderDepot, target: Depot, tmp_path: Path
) -> None:
    (blob,) = keep(store, tmp_path, b"the whole of it")
    Moving([store], target).copy(Silent())
    if isinstance(target, FolderDepot):
        target.path(blob.sha256).write_bytes(b"the wh")
        Moving([store], target).copy(Silent())
        assert has(target, b"the whole of it")
        target.path(blob.sha256).write_bytes(b"the WHOLE of it")
        assert [blob.sha256 in found for found in Moving([store], target).read_back(Silent())] == [True]
    else:
        assert [*Moving([store], target).read_back(Silent())] == []


class Failing:
    """A store that fails after some bytes."""

    def __init__(self, target: Depot, after: int) -> None:
        self.all, self.notes, self._target, self._left = target.all, target.notes, target, after

    def keep(self, source: Path, blob: Blob) -> None:
        self._left -= 1
        if self._left < 0:
            raise StorageFailed("the object store could not write: no answer in time")
        self._target.keep(source, blob)


@pytest.mark.parametrize("after", [0, 1, 13])
def test_a_store_that_fails_on_the_way_is_gone_on_with(
    store: FolderDepot, target: Depot, tmp_path: Path, after: int
) -> None:
    texts = contents(30)
    keep(store, tmp_path, *texts)
    with pytest.raises(StorageFailed, match="no answer"):
        Moving([store], Failing(target, after)).copy(Silent())  # type: ignore[arg-type]
    done = len([*target.all()])
    assert done == after
    moving = Moving([store], target)
    moving.copy(Silent())
    assert moving.copied == 30 - done
    assert has(target, *texts)


KILLED = """
    import os, signal, sys
    from pathlib import Path
    from infrastructure.depots import FolderDepot
    from infrastructure.migrating.blobs import Moving
    from infrastructure.object_store import PATIENT, bucket_at
    from tests.infrastructure.migrating import Silent

    left, url = int(sys.argv[3]), sys.argv[2]
    target = bucket_at(url, PATIENT) if "://" in url else FolderDepot(Path(url))

    class Deadly(FolderDepot):
        def path(self, sha256):
            global left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return super().path(sha256)

    Moving([Deadly(Path(sys.argv[1]))], target).copy(Silent())
"""


@pytest.fixture(params=["folder", pytest.param("objects", marks=pytest.mark.scale)])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "folder":
        return str(tmp_path / "target")
    real: ObjectStore = request.getfixturevalue("object_store")
    for name, value in real.environment.items():
        monkeypatch.setenv(name, value)
    return real.url()


def test_killed_at_any_moment_it_is_gone_on_with(store: FolderDepot, tmp_path: Path, url: str) -> None:
    texts = contents(60)
    keep(store, tmp_path, *texts)
    for left in (1, 20, 30):
        command = [sys.executable, "-c", textwrap.dedent(KILLED), tmp_path / "blobs", url, str(left)]
        assert subprocess.run(command, cwd=ROOT, check=False, timeout=60).returncode == -signal.SIGKILL
    target = bucket_at(url, PATIENT) if "://" in url else FolderDepot(Path(url))
    Moving([store], target).copy(Silent())
    assert has(target, *texts)
    assert len([*target.all()]) == 60


@pytest.mark.scale
def test_a_real_store_that_dies_is_gone_on_with_when_it_is_back(
    store: FolderDepot, tmp_path: Path, object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in object_store.environment.items():
        monkeypatch.setenv(name, value)
    where = object_store.url()
    texts = contents(100)
    keep(store, tmp_path, *texts)

    class Dying(Silent):
        def stage(self, label: str, length: int) -> object:  # type: ignore[override]
            object_store.kill()
            return super().stage(label, length)

    with pytest.raises(StorageFailed):
        Moving([store], bucket_at(where, BRISK)).copy(Dying())
    object_store.start()
    target = bucket_at(where, PATIENT)
    Moving([store], target).copy(Silent())
    assert has(target, *texts)


@pytest.fixture
def source(tmp_path: Path, store: FolderDepot) -> Path:
    """A log whose versions have the bytes that the store has."""
    path = tmp_path / "source.db"
    make(path)
    (blob,) = keep(store, tmp_path, b"Dear")
    execute(path, "UPDATE versions SET sha256 = ?", (blob.sha256,))
    return path


def test_with_only_the_bytes_the_log_says_which_are_missed(
    source: Path, store: FolderDepot, target: Depot
) -> None:
    assert not moved_beside(source, None, places=[store], depot=target).finished
    outcome = moved(source, None, [store], target, anew=True)
    assert (outcome.finished, outcome.blobs) == (True, 0)
    execute(source, "UPDATE versions SET changes_sha256 = ? WHERE number = 1", ("0" * 64,))
    outcome = moved(source, None, [store], target)
    assert (outcome.blessed, outcome.findings.inherited) == (
        False,
        [f"The bytes {'0' * 64} are damaged or missing."],
    )
    assert moved(source, None, [store], target, as_it_is=True).finished
