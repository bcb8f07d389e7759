"""What every blob store promises, the fake one included."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from application.ports import Blob, Blobs, StorageFailed, TooLarge
from infrastructure.blobs import LocalBlobs
from infrastructure.overflow import OverflowBlobs
from tests.fakes import FakeBlobs
from tests.object_store.stores import objects_in

MIB = 1024 * 1024
BIG = bytes(range(256)) * 4 * 1024 * 3 + b"end"  # 3 MiB and a bit


STORES = ["fake", "local", "object store", "object store, with what is beside it"]


@pytest.fixture(params=[*STORES, pytest.param("real object store", marks=pytest.mark.scale)])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    match request.param:
        case "fake":
            return FakeBlobs()
        case "local":
            return LocalBlobs(tmp_path / "blobs")
        case "object store":
            return objects_in(MemoryStore(), tmp_path)
        case "real object store":
            server = request.getfixturevalue("object_store")
            return objects_in(server.client(server.url()), tmp_path)
        case _:
            return OverflowBlobs(objects_in(MemoryStore(), tmp_path), LocalBlobs(tmp_path / "overflow"))


async def stream(chunks: Iterable[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def keep(blobs: Blobs, *chunks: bytes, limit: int = 10 * MIB) -> Blob:
    return await blobs.keep(stream(chunks), limit=limit)


async def content(blobs: Blobs, sha256: str, start: int = 0, stop: int | None = None) -> bytes:
    return b"".join([chunk async for chunk in blobs.read(sha256, start, stop)])


@pytest.mark.parametrize("size", [0, 1, 256 * 1024, MIB, len(BIG)])
async def test_what_is_kept_can_be_read(blobs: Blobs, size: int) -> None:
    blob = await keep(blobs, BIG[:size])
    assert blob == Blob(hashlib.sha256(BIG[:size]).hexdigest(), size)
    assert await content(blobs, blob.sha256) == BIG[:size]


@pytest.mark.parametrize("step", [1000, 256 * 1024 - 1, 256 * 1024, MIB])
async def test_how_the_bytes_arrive_does_not_matter(blobs: Blobs, step: int) -> None:
    blob = await keep(blobs, b"", *(BIG[at : at + step] for at in range(0, len(BIG), step)))
    assert blob == await keep(blobs, BIG)
    assert await content(blobs, blob.sha256) == BIG


@pytest.mark.parametrize(
    ("start", "stop"),
    [
        (0, 1),
        (1, 2),
        (MIB - 1, MIB + 1),
        (5, None),
        (0, 99 * MIB),
        (len(BIG), None),
        (99 * MIB, None),
        (7, 7),
    ],
)
async def test_a_part_can_be_read(blobs: Blobs, start: int, stop: int | None) -> None:
    blob = await keep(blobs, BIG)
    assert await content(blobs, blob.sha256, start, stop) == BIG[start:stop]


async def test_the_limit_is_the_last_size_allowed(blobs: Blobs) -> None:
    assert (await keep(blobs, b"12", b"345", limit=5)).size == 5
    with pytest.raises(TooLarge):
        await keep(blobs, b"12", b"3456", limit=5)
    with pytest.raises(TooLarge):
        await keep(blobs, BIG, b"x", limit=len(BIG))


async def test_too_large_is_told_before_the_end_arrives(blobs: Blobs) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 1000

    with pytest.raises(TooLarge):
        await blobs.keep(endless(), limit=MIB)


async def test_a_reader_may_walk_away(blobs: Blobs) -> None:
    blob = await keep(blobs, BIG)
    async for chunk in blobs.read(blob.sha256):
        assert BIG.startswith(chunk)
        break


async def test_what_is_not_there_cannot_be_read(blobs: Blobs) -> None:
    with pytest.raises(StorageFailed):
        await content(blobs, "0" * 64)


async def test_a_failing_source_stores_nothing_and_says_why_itself(blobs: Blobs) -> None:
    async def cut() -> AsyncIterator[bytes]:
        yield b"half"
        raise ConnectionResetError("cut")

    with pytest.raises(ConnectionResetError):
        await blobs.keep(cut(), limit=MIB)
    with pytest.raises(StorageFailed):
        await content(blobs, hashlib.sha256(b"half").hexdigest())


async def test_suspects_stay_readable(blobs: Blobs) -> None:
    blob = await keep(blobs, b"suspect")
    await blobs.quarantine(blob.sha256, "k_1", {"reason": "no zip", "key": "k"})
    await blobs.quarantine(blob.sha256, "k_1", {"reason": "still no zip"})
    assert await content(blobs, blob.sha256) == b"suspect"


async def no() -> bool:
    return False


async def test_what_nobody_refers_to_can_be_discarded(blobs: Blobs) -> None:
    blob = await keep(blobs, b"old")
    assert await blobs.discard(blob.sha256, idle=0, referenced=no)
    with pytest.raises(StorageFailed):
        await content(blobs, blob.sha256)
    assert not await blobs.discard(blob.sha256, idle=0, referenced=no)
    assert await keep(blobs, b"old") == blob
    assert await content(blobs, blob.sha256) == b"old"


async def test_what_was_kept_a_moment_ago_stays(blobs: Blobs) -> None:
    blob = await keep(blobs, b"new")
    assert not await blobs.discard(blob.sha256, idle=3600, referenced=no)
    assert await content(blobs, blob.sha256) == b"new"


async def test_what_is_referenced_after_all_stays(blobs: Blobs) -> None:
    async def yes() -> bool:
        return True

    blob = await keep(blobs, b"wanted")
    assert not await blobs.discard(blob.sha256, idle=0, referenced=yes)
    assert await content(blobs, blob.sha256) == b"wanted"


async def test_suspects_are_not_discarded(blobs: Blobs) -> None:
    blob = await keep(blobs, b"suspect")
    await blobs.quarantine(blob.sha256, "k_1", {"reason": "no zip"})
    assert not await blobs.discard(blob.sha256, idle=0, referenced=no)
    assert await content(blobs, blob.sha256) == b"suspect"


@pytest.mark.parametrize("wanted", [True, False])
async def test_who_keeps_the_same_bytes_in_that_moment_has_them(blobs: Blobs, wanted: bool) -> None:
    async def kept_again() -> bool:
        await keep(blobs, b"same")
        return wanted

    blob = await keep(blobs, b"same")
    await blobs.discard(blob.sha256, idle=0, referenced=kept_again)
    assert await content(blobs, blob.sha256) == b"same"


async def test_whoever_does_not_know_whether_they_are_referenced_deletes_nothing(blobs: Blobs) -> None:
    async def unknown() -> bool:
        raise ConnectionResetError("no answer")

    blob = await keep(blobs, b"who knows")
    with pytest.raises(ConnectionResetError):
        await blobs.discard(blob.sha256, idle=0, referenced=unknown)
    assert await content(blobs, blob.sha256) == b"who knows"
