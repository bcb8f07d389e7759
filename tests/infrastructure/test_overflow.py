"""A blob store that fails: bytes go to the local disk, are read from there, and go home later."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from pathlib import Path

import pytest
import trio

from application.ports import Blob, StorageFailed
from infrastructure.blobs import LocalBlobs
from infrastructure.overflow import OverflowBlobs
from tests.trouble import break_, mend


@pytest.fixture
def blobs(tmp_path: Path) -> OverflowBlobs:
    return OverflowBlobs(LocalBlobs(tmp_path / "store"), LocalBlobs(tmp_path / "local"), pause=0.05)


async def one(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def keep(blobs: OverflowBlobs, content: bytes) -> Blob:
    return await blobs.keep(one(content), limit=10**9)


async def read(blobs: OverflowBlobs, sha256: str) -> bytes:
    return b"".join([chunk async for chunk in blobs.read(sha256)])


async def test_the_attempt_after_a_failure_goes_to_the_local_disk(
    blobs: OverflowBlobs, tmp_path: Path
) -> None:
    break_(tmp_path / "store")
    with pytest.raises(StorageFailed):
        await keep(blobs, b"words")
    assert blobs.failing
    blob = await keep(blobs, b"words")
    assert await read(blobs, blob.sha256) == b"words"
    assert blobs.path(blob.sha256).is_relative_to(tmp_path / "local")


async def test_when_both_fail_both_are_tried_in_turn(blobs: OverflowBlobs, tmp_path: Path) -> None:
    break_(tmp_path / "store")
    break_(tmp_path / "local")
    for _ in range(3):
        with pytest.raises(StorageFailed):
            await keep(blobs, b"words")
    mend(tmp_path / "store")
    with pytest.raises(StorageFailed):
        await keep(blobs, b"words")
    assert await keep(blobs, b"words")
    assert not blobs.failing


async def test_everything_goes_home_once_the_store_works_again(blobs: OverflowBlobs, tmp_path: Path) -> None:
    break_(tmp_path / "store")
    with pytest.raises(StorageFailed):
        await keep(blobs, b"words")
    kept = [await keep(blobs, content) for content in (b"", b"words", b"x" * 3_000_000)]
    with pytest.raises(StorageFailed):
        await blobs.settle()
    assert blobs.failing
    mend(tmp_path / "store")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(blobs.run)
        with trio.fail_after(5):
            while blobs.failing:  # noqa: ASYNC110 (threads are at work)
                await trio.sleep(0.01)
        nursery.cancel_scope.cancel()
    for blob in kept:
        assert blobs.path(blob.sha256).is_relative_to(tmp_path / "store")
    assert not [path for path in (tmp_path / "local").rglob("*") if path.is_file()]
    assert await read(blobs, kept[2].sha256) == b"x" * 3_000_000


async def test_a_reader_does_not_notice_the_move(blobs: OverflowBlobs, tmp_path: Path) -> None:
    break_(tmp_path / "store")
    with pytest.raises(StorageFailed):
        await keep(blobs, b"words")
    content = bytes(range(256)) * 20_000
    blob = await keep(blobs, content)
    reading = blobs.read(blob.sha256)
    first = await anext(reading)
    mend(tmp_path / "store")
    await blobs.settle()
    assert first + b"".join([chunk async for chunk in reading]) == content


async def test_bytes_that_rotted_on_the_local_disk_are_not_taken_home_as_others(
    blobs: OverflowBlobs, tmp_path: Path
) -> None:
    break_(tmp_path / "store")
    with pytest.raises(StorageFailed):
        await keep(blobs, b"words")
    blob = await keep(blobs, b"words")
    blobs.path(blob.sha256).write_bytes(b"w0rds")
    mend(tmp_path / "store")
    assert await blobs.settle()
    assert not blobs.failing
    assert blobs.path(blob.sha256).is_relative_to(tmp_path / "local")


async def test_what_somebody_keeps_beside_it_while_it_moves_stays_until_it_has_moved_again(
    tmp_path: Path,
) -> None:
    """Another process may just have been told that it is safe there."""
    overflow = LocalBlobs(tmp_path / "local")

    class Slow(LocalBlobs):
        async def keep(self, chunks: AsyncIterable[bytes], *, limit: int) -> Blob:
            blob = await super().keep(chunks, limit=limit)
            await overflow.keep(one(b"words"), limit=9)
            return blob

    blob = await overflow.keep(one(b"words"), limit=9)
    blobs = OverflowBlobs(Slow(tmp_path / "store"), overflow)
    assert await blobs.settle()
    assert await overflow.all() == [blob.sha256]
    assert await OverflowBlobs(LocalBlobs(tmp_path / "store"), overflow).settle()
    assert await overflow.all() == []


async def test_of_several_processes_one_moves_and_all_notice_that_the_store_works(
    blobs: OverflowBlobs, tmp_path: Path
) -> None:
    break_(tmp_path / "store")
    with pytest.raises(StorageFailed):
        await keep(blobs, b"words")
    await keep(blobs, b"words")
    mend(tmp_path / "store")
    with LocalBlobs(tmp_path / "local").alone() as alone:
        assert alone
        assert not await blobs.settle()
        assert (blobs.failing, blobs.waiting) == (False, 1)
    assert await blobs.settle()
    assert blobs.waiting == 0


async def test_suspects_are_noted_beside_a_store_that_fails(blobs: OverflowBlobs, tmp_path: Path) -> None:
    break_(tmp_path / "store")
    with pytest.raises(StorageFailed):
        await keep(blobs, b"suspect")
    blob = await keep(blobs, b"suspect")
    await blobs.quarantine(blob.sha256, "k_1", {"reason": "no zip"})
    assert len(list((tmp_path / "local" / "quarantine").glob("*.json"))) == 1


async def test_only_what_the_store_has_has_a_place_that_others_may_read(tmp_path: Path) -> None:
    store = LocalBlobs(tmp_path / "store", mode=0o640)
    blobs = OverflowBlobs(store, LocalBlobs(tmp_path / "local"))
    kept = await keep(blobs, b"words")
    assert await blobs.place(kept.sha256) == f"{kept.sha256[:2]}/{kept.sha256}"
    assert (tmp_path / "store" / str(await blobs.place(kept.sha256))).read_bytes() == b"words"
    break_(tmp_path / "store")
    with pytest.raises(StorageFailed):
        await keep(blobs, b"others")
    beside = await keep(blobs, b"others")
    assert await blobs.place(beside.sha256) is None
    mend(tmp_path / "store")
    assert await blobs.place(beside.sha256) is None


async def test_what_only_we_may_read_has_no_place(blobs: OverflowBlobs) -> None:
    kept = await keep(blobs, b"words")
    assert await blobs.place(kept.sha256) is None
