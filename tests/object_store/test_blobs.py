"""An object store that fails, hangs or is damaged: saves are safe on the local disk, and readers are told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
from obstore.store import MemoryStore

from application.ports import StorageFailed
from infrastructure.blobs import LocalBlobs
from infrastructure.object_store import Bucket
from infrastructure.object_store.objects import Objects
from infrastructure.overflow import OnlyHere, OverflowBlobs
from infrastructure.sniffer import Sniffer
from tests.infrastructure import documents
from tests.object_store.stores import (
    NOWHERE,
    black_hole,
    bucket_behind,
    in_memory,
    keep,
    objects_in,
    overflowing,
    read,
)

BIG = bytes(range(256)) * 40_000  # some 10 MB: several requests


class Fragile(Objects):
    def __init__(self) -> None:
        super().__init__(MemoryStore())
        self.broken = False

    def put(self, name: str, content: bytes) -> str:
        if self.broken:
            raise StorageFailed("the object store could not write: no answer in time")
        return super().put(name, content)


@pytest.fixture
def store() -> Fragile:
    return Fragile()


@pytest.fixture
def blobs(store: Fragile, tmp_path: Path) -> OverflowBlobs:
    return overflowing(Bucket(store), tmp_path)


async def read_into(arrived: list[bytes], reading: AsyncIterator[bytes]) -> None:
    async for chunk in reading:
        arrived.append(chunk)  # noqa: PERF401 (what has arrived before it fails)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


async def test_a_save_is_safe_at_once_when_the_store_fails(
    store: Fragile, blobs: OverflowBlobs, tmp_path: Path
) -> None:
    store.broken = True
    blob = await keep(blobs, b"words")
    assert blobs.failing
    assert files(tmp_path / "overflow") == [blob.sha256]
    assert await read(blobs, blob.sha256) == b"words"
    second = await keep(blobs, b"others")
    store.broken = False
    assert await blobs.settle()
    assert not blobs.failing
    assert files(tmp_path / "overflow") == []
    assert {await read(blobs, each.sha256) for each in (blob, second)} == {b"words", b"others"}


async def test_nothing_is_left_beside_the_store_but_a_copy(blobs: OverflowBlobs, tmp_path: Path) -> None:
    blob = await keep(blobs, b"words")
    assert files(tmp_path / "overflow") == []
    assert files(tmp_path / "cache") == [blob.sha256]


async def test_a_store_that_hangs_costs_a_save_no_more_than_its_grace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with black_hole() as url:
        blobs = overflowing(bucket_behind(monkeypatch, url), tmp_path)
        with trio.fail_after(5):
            blob = await keep(blobs, b"words")
            large = await keep(blobs, BIG)
        assert blobs.failing
        assert await read(blobs, blob.sha256, 1, 3) == b"or"
        assert await read(blobs, large.sha256) == BIG
        assert files(tmp_path / "overflow") == sorted([blob.sha256, large.sha256])


async def test_one_that_answers_each_request_but_slowly_does_not_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with black_hole() as url:
        blobs = objects_in(bucket_behind(monkeypatch, url), tmp_path, grace=0.05)
        with trio.fail_after(0.4), pytest.raises(OnlyHere, match="did not take it within"):
            await keep(blobs, b"words")


async def test_when_the_local_disk_fails_too_nothing_counts_as_kept(
    blobs: OverflowBlobs, tmp_path: Path
) -> None:
    (tmp_path / "overflow" / "tmp").rmdir()
    with pytest.raises(StorageFailed):
        await keep(blobs, b"words")


async def test_a_cancelled_save_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with black_hole() as url:
        blobs = objects_in(bucket_behind(monkeypatch, url), tmp_path)
        with trio.move_on_after(0.1) as scope:
            await keep(blobs, b"words")
        assert scope.cancelled_caught
    assert files(tmp_path) == []


async def test_what_waits_on_the_disk_of_another_node_is_missed_in_words(tmp_path: Path) -> None:
    bucket = in_memory()
    ours, theirs = overflowing(bucket, tmp_path / "ours"), LocalBlobs(tmp_path / "theirs" / "overflow")
    blob = await keep(theirs, b"words")
    with pytest.raises(StorageFailed, match="another node may have it"):
        await read(ours, blob.sha256)
    with pytest.raises(StorageFailed, match="another node may have it"):
        await Sniffer(ours.path).inspect(blob.sha256, "txt")
    await overflowing(bucket, tmp_path / "theirs").settle()
    assert await read(ours, blob.sha256) == b"words"


@pytest.mark.parametrize("size", [9, len(BIG)])
async def test_damaged_bytes_never_come_to_their_end(tmp_path: Path, size: int) -> None:
    store = MemoryStore()
    blob = await keep(objects_in(store, tmp_path / "a"), BIG[:size])
    store.put(f"{blob.sha256[:2]}/{blob.sha256}", BIG[: size - 1] + b"?")
    elsewhere = overflowing(Bucket(Objects(store)), tmp_path / "b")
    for stop in (None, size):
        arrived: list[bytes] = []
        with pytest.raises(StorageFailed, match="damaged"):
            await read_into(arrived, elsewhere.read(blob.sha256, 0, stop))
        assert sum(map(len, arrived)) < size
    with pytest.raises(StorageFailed, match="damaged"):
        await Sniffer(elsewhere.path).inspect(blob.sha256, "docx")
    assert files(tmp_path / "b") == []


async def test_kept_again_damaged_bytes_are_whole(tmp_path: Path) -> None:
    store = MemoryStore()
    blobs = objects_in(store, tmp_path / "a")
    blob = await keep(blobs, b"words")
    store.put(f"{blob.sha256[:2]}/{blob.sha256}", b"w0rds")
    await keep(blobs, b"words")
    assert await read(objects_in(store, tmp_path / "b"), blob.sha256) == b"words"


async def test_the_sniffer_fetches_what_it_looks_at_once(tmp_path: Path) -> None:
    store, docx = MemoryStore(), documents.office(documents.WORD)
    bucket = Bucket(Objects(store))
    blob = await keep(overflowing(bucket, tmp_path / "a"), docx)
    elsewhere = overflowing(bucket, tmp_path / "b")
    assert (await Sniffer(elsewhere.path).inspect(blob.sha256, "docx")).accepted
    assert files(tmp_path / "b") == [blob.sha256]
    store.delete(f"{blob.sha256[:2]}/{blob.sha256}")  # so that only the copy is left
    assert await read(elsewhere, blob.sha256) == docx


async def test_a_reader_whose_copy_makes_room_goes_on_in_the_store(tmp_path: Path) -> None:
    blobs = objects_in(MemoryStore(), tmp_path)
    blob = await keep(blobs, BIG)
    reading: AsyncIterator[bytes] = blobs.read(blob.sha256)
    first = await anext(reading)
    (tmp_path / "cache" / blob.sha256).unlink()
    assert first + b"".join([chunk async for chunk in reading]) == BIG


async def test_suspects_are_noted_beside_a_store_that_fails(
    store: Fragile, blobs: OverflowBlobs, tmp_path: Path
) -> None:
    blob = await keep(blobs, b"suspect")
    store.broken = True
    await blobs.quarantine(blob.sha256, "k_1", {"reason": "no zip"})
    assert len([*(tmp_path / "overflow" / "quarantine").iterdir()]) == 1


async def test_a_store_that_is_not_there_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = overflowing(bucket_behind(monkeypatch, NOWHERE), tmp_path)
    with pytest.raises(StorageFailed, match="Connection refused"):
        await blobs.answers()
    await overflowing(in_memory(), tmp_path).answers()
