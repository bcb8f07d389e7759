"""What every blob store promises, the fake one included."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest

from application.ports import Blob, Blobs, StorageFailed, TooLarge
from infrastructure.blobs import LocalBlobs
from tests.fakes import FakeBlobs

MIB = 1024 * 1024
BIG = bytes(range(256)) * 4 * 1024 * 3 + b"end"  # 3 MiB and a bit


@pytest.fixture(params=["fake", "local"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    return FakeBlobs() if request.param == "fake" else LocalBlobs(tmp_path / "blobs")


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
