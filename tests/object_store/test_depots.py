"""Whoever copies or checks blobs finds the same in a folder and in an object store."""

from __future__ import annotations

from pathlib import Path

import pytest

from application.ports import Blob, StorageFailed
from infrastructure.blobs import LocalBlobs
from infrastructure.depots import Depot, FolderDepot, checked
from tests.object_store.stores import blob_of, file_of, in_memory

LARGE = bytes(range(256)) * 40_000


@pytest.fixture(params=["folder", "object store"])
def depot(request: pytest.FixtureRequest, tmp_path: Path) -> Depot:
    return FolderDepot(tmp_path / "blobs") if request.param == "folder" else in_memory()


@pytest.mark.parametrize("content", [b"", b"words", LARGE])
def test_what_is_kept_is_listed_and_read(depot: Depot, tmp_path: Path, content: bytes) -> None:
    blob = blob_of(content)
    depot.keep(file_of(tmp_path, content), blob)
    assert b"".join(checked(depot, blob.sha256)) == content
    assert depot.size(blob.sha256) == len(content)
    assert [*depot.all()] == [blob]


def test_what_is_not_there_has_no_size(depot: Depot) -> None:
    assert depot.size("0" * 64) is None
    assert [*depot.all()] == []
    assert [*depot.notes()] == []
    with pytest.raises(StorageFailed):
        next(depot.chunks("0" * 64))


def test_other_bytes_than_named_are_not_taken(depot: Depot, tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match="damaged"):
        depot.keep(file_of(tmp_path, b"words"), Blob("0" * 64, 5))
    assert [*depot.all()] == []


def test_notes_are_written_over(depot: Depot) -> None:
    name = f"{'a' * 64}-{'b' * 16}.json"
    assert depot.noted(name) == b""
    for text in (b"{}", b'{"reason": "no zip"}'):
        depot.note(name, text)
        assert [*depot.notes()] == [name]
        assert depot.noted(name) == text


def test_whoever_only_looks_makes_no_folders(tmp_path: Path) -> None:
    depot = FolderDepot(tmp_path / "blobs")
    assert ([*depot.all()], [*depot.notes()], depot.size("0" * 64)) == ([], [], None)
    assert not (tmp_path / "blobs").exists()


async def test_it_is_what_the_service_has(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    await blobs.quarantine("a" * 64, "k_1", {"reason": "no zip"})
    (note,) = FolderDepot(tmp_path).notes()
    assert note.startswith("a" * 64)
