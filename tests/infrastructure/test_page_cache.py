"""What is in memory is read at once; for whatever a disk would have to be asked there is a thread."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from application.ports import StorageFailed
from infrastructure.blobs import THREADS, LocalBlobs
from infrastructure.page_cache import PageCache
from infrastructure.reading import AT_HAND_BYTES, Part


async def never() -> bool:
    return False


async def stream(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def whole(blobs: LocalBlobs, sha256: str, start: int = 0, stop: int | None = None) -> bytes:
    return b"".join([chunk async for chunk in blobs.read(sha256, start, stop)])


@pytest.fixture
def content(tmp_path: Path) -> Path:
    path = tmp_path / "content"
    path.write_bytes(b"0123456789")
    return path


@pytest.mark.parametrize(
    ("start", "wanted", "data"),
    [(0, 10, b"0123456789"), (0, 99, b"0123456789"), (3, 4, b"3456"), (10, 5, b"")],
)
def test_what_was_just_written_is_at_hand(content: Path, start: int, wanted: int, data: bytes) -> None:
    assert PageCache().part(content, start, wanted) == Part(data, 10)


def test_what_is_not_there_or_not_ours_to_read_is_not_at_hand(tmp_path: Path) -> None:
    assert PageCache().part(tmp_path / "nothing", 0, 1) is None
    assert PageCache().part(tmp_path, 0, 1) is None


def test_what_a_disk_would_be_asked_for_is_not_at_hand(content: Path) -> None:
    def busy(*_: object) -> int:
        raise OSError(errno.EAGAIN, "the bytes are on the disk")

    assert PageCache(busy).part(content, 0, 10) is None


def test_a_part_of_which_only_the_beginning_is_in_memory_is_not_at_hand(content: Path) -> None:
    def beginning(handle: int, buffers: list[bytearray], start: int, flags: int) -> int:
        assert flags == os.RWF_NOWAIT
        return os.preadv(handle, [memoryview(buffers[0])[:4]], start, flags)

    assert PageCache(beginning).part(content, 0, 10) is None


def test_nothing_stays_open(content: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(100):
        PageCache().part(content, 0, 10)
        PageCache().part(content / "no folder", 0, 10)
    assert len(os.listdir("/proc/self/fd")) == before


async def test_a_small_blob_needs_no_thread_and_a_large_one_does(tmp_path: Path) -> None:
    blobs, most = LocalBlobs(tmp_path), AT_HAND_BYTES
    small = await blobs.keep(stream(b"s" * most), limit=most)
    large = await blobs.keep(stream(b"l" * (most + 1)), limit=most + 1)
    read: list[str] = []

    async def reader(sha256: str, size: int) -> None:
        await whole(blobs, sha256, 0, size)
        read.append(sha256)

    async with trio.open_nursery() as nursery:
        disk = trio.Event()
        for _ in range(THREADS):  # as a slow disk holds them up
            nursery.start_soon(blobs.in_thread, "wait", lambda: trio.from_thread.run(disk.wait))
        await wait_all_tasks_blocked()
        nursery.start_soon(reader, small.sha256, most)
        nursery.start_soon(reader, large.sha256, most + 1)
        await wait_all_tasks_blocked()
        assert read == [small.sha256]
        disk.set()
    assert read == [small.sha256, large.sha256]


async def test_removed_bytes_are_not_given_out(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    blob = await blobs.keep(stream(b"private"), limit=9)
    assert await whole(blobs, blob.sha256, 0, 7) == b"private"
    assert await blobs.discard(blob.sha256, idle=-1, referenced=never)
    with pytest.raises(StorageFailed):
        await whole(blobs, blob.sha256, 0, 7)
