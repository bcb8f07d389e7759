"""Local blobs under attack: full disks, kills, cancellation, foreign hands in the folder."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import trio

from application.ports import StorageFailed, TooLarge
from infrastructure.blobs import LEFTOVER_SECONDS, READ_BYTES, LocalBlobs

KIB = 1024
ROOT = Path(__file__).parents[2]


async def stream(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def visible(root: Path) -> list[Path]:
    return [path for path in root.glob("??/*") if path.is_file()]


def drafts(root: Path) -> list[Path]:
    return list((root / "tmp").iterdir())


async def test_equal_content_is_one_private_file(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    first = await blobs.keep(stream(b"same"), limit=9)
    written = blobs.path(first.sha256).stat()
    assert await blobs.keep(stream(b"sa", b"me"), limit=9) == first
    assert visible(tmp_path) == [blobs.path(first.sha256)]
    assert blobs.path(first.sha256).stat().st_ino == written.st_ino
    assert written.st_mode & 0o777 == 0o600
    assert drafts(tmp_path) == []


async def test_a_blob_of_the_wrong_size_is_replaced(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    blob = await blobs.keep(stream(b"content"), limit=9)
    blobs.path(blob.sha256).write_bytes(b"con")
    await blobs.keep(stream(b"content"), limit=9)
    assert blobs.path(blob.sha256).read_bytes() == b"content"


@pytest.mark.parametrize("name", ["", "../secret", "A" * 64, "0" * 63, "0" * 65, "0" * 64 + "\n", "g" * 64])
def test_only_digests_are_names(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        LocalBlobs(tmp_path).path(name)


async def test_bytes_are_synced_before_they_have_a_name_and_the_name_before_it_is_told(
    tmp_path: Path,
) -> None:
    root = tmp_path / "new" / "blobs"
    synced: list[tuple[str, int]] = []

    def record(handle: int) -> None:
        synced.append((os.readlink(f"/proc/self/fd/{handle}"), len(visible(root))))

    blobs = LocalBlobs(root, fsync=record)
    assert {str(tmp_path), str(tmp_path / "new"), str(root)} <= {path for path, _ in synced}
    synced.clear()
    blob = await blobs.keep(stream(b"content"), limit=9)
    (draft, before), *folders = synced
    assert (Path(draft).parent, before) == (root / "tmp", 0)
    assert folders == [(str(root), 0), (str(blobs.path(blob.sha256).parent), 1)]
    synced.clear()
    await blobs.quarantine(blob.sha256, "k_1", {})
    assert [Path(path).name for path, _ in synced[1:]] == ["quarantine"]


async def test_a_failing_sync_is_no_success(tmp_path: Path) -> None:
    broken = False

    def sync(handle: int) -> None:
        if broken:
            raise OSError(5, "Input/output error")

    blobs = LocalBlobs(tmp_path, fsync=sync)
    broken = True
    with pytest.raises(StorageFailed, match="Input/output error"):
        await blobs.keep(stream(b"content"), limit=9)
    assert visible(tmp_path) == drafts(tmp_path) == []


async def test_a_note_stands_beside_the_suspect(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    blob = await blobs.keep(stream(b"suspect"), limit=9)
    await blobs.quarantine(blob.sha256, "k_1", {"reason": "no zip", "where": tmp_path})
    (note_path,) = (tmp_path / "quarantine").glob(f"{blob.sha256}-*.json")
    note = json.loads(note_path.read_text())
    assert note == {"sha256": blob.sha256, "reason": "no zip", "where": str(tmp_path)}
    assert drafts(tmp_path) == []


async def test_a_reader_may_walk_away(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    blob = await blobs.keep(stream(b"x" * 3 * READ_BYTES), limit=4 * READ_BYTES)
    open_before = len(os.listdir("/proc/self/fd"))
    async for chunk in blobs.read(blob.sha256):
        assert len(chunk) == READ_BYTES
        break
    assert len(os.listdir("/proc/self/fd")) == open_before


async def test_nothing_is_left_of_what_was_too_large(tmp_path: Path) -> None:
    with pytest.raises(TooLarge):
        await LocalBlobs(tmp_path).keep(stream(b"x" * 600 * KIB, b"y" * 600 * KIB), limit=1000 * KIB)
    assert visible(tmp_path) == drafts(tmp_path) == []


async def test_cancellation_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    closed = trio.Event()

    async def half() -> AsyncIterator[bytes]:
        try:
            yield b"x" * 300 * KIB
            assert len(drafts(tmp_path)) == 1
            scope.cancel()
            yield b"x" * 300 * KIB
            await trio.sleep_forever()
        finally:
            closed.set()

    with trio.CancelScope() as scope:
        await blobs.keep(half(), limit=1000 * KIB)
    assert scope.cancelled_caught
    assert closed.is_set(), "the source is closed, not left to the garbage collector"
    assert visible(tmp_path) == drafts(tmp_path) == []


async def test_a_crowd_with_the_same_content_gets_one_blob(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    content = os.urandom(600 * KIB)

    async def keep(step: int) -> None:
        await blobs.keep(
            stream(*(content[at : at + step] for at in range(0, len(content), step))), limit=len(content)
        )

    async with trio.open_nursery() as nursery:
        for number in range(1, 31):
            nursery.start_soon(keep, number * 10_000)
    (only,) = visible(tmp_path)
    assert only.read_bytes() == content
    assert drafts(tmp_path) == []


def test_old_leftovers_are_swept_and_young_ones_are_not(tmp_path: Path) -> None:
    LocalBlobs(tmp_path)
    old, young = tmp_path / "tmp" / "old", tmp_path / "tmp" / "young"
    for path in (old, young):
        path.write_bytes(b"x")
    day_and_more = time.time() - LEFTOVER_SECONDS - 60
    os.utime(old, (day_and_more, day_and_more))
    LocalBlobs(tmp_path)
    assert drafts(tmp_path) == [young]


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB; without the right to mount one, files of at most 1 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if shutil.which("mount") and subprocess.run(mount, capture_output=True, check=False).returncode == 0:
        yield disk
        subprocess.run(["umount", str(disk)], check=True)
    else:
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (KIB * KIB, limits[1]))
        yield disk
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


async def test_a_full_disk_is_told_plainly_and_leaves_nothing(full_disk: Path) -> None:
    blobs = LocalBlobs(full_disk / "blobs")
    small = await blobs.keep(stream(b"small"), limit=9)
    with pytest.raises(StorageFailed, match=r"could not write: (No space left|File too large)"):
        await blobs.keep(stream(*[b"x" * 100 * KIB] * 20), limit=4 * KIB * KIB)
    assert drafts(full_disk / "blobs") == []
    assert visible(full_disk / "blobs") == [blobs.path(small.sha256)]
    assert (await blobs.keep(stream(b"y" * 100 * KIB), limit=KIB * KIB)).size == 100 * KIB, "and it goes on"


@pytest.mark.parametrize("blocked", ["blobs", "blobs/tmp", "blobs/quarantine"])
def test_a_file_in_place_of_a_folder_is_told_at_the_start(tmp_path: Path, blocked: str) -> None:
    (tmp_path / blocked).parent.mkdir(exist_ok=True)
    (tmp_path / blocked).write_text("")
    with pytest.raises(StorageFailed, match="be prepared"):
        LocalBlobs(tmp_path / "blobs")


def _fan_out_folder_is_a_file(root: Path, sha256: str) -> None:
    (root / sha256[:2]).write_text("")


def _blob_is_a_folder(root: Path, sha256: str) -> None:
    (root / sha256[:2] / sha256).mkdir(parents=True)


def _drafts_are_gone(root: Path, _: str) -> None:
    (root / "tmp").rmdir()


@pytest.mark.parametrize("spoil", [_fan_out_folder_is_a_file, _blob_is_a_folder, _drafts_are_gone])
async def test_a_spoilt_store_is_a_storage_failure(
    tmp_path: Path, spoil: Callable[[Path, str], None]
) -> None:
    blobs = LocalBlobs(tmp_path)
    spoil(tmp_path, hashlib.sha256(b"content").hexdigest())
    with pytest.raises(StorageFailed):
        await blobs.keep(stream(b"content"), limit=9)


async def test_a_fan_out_folder_that_vanished_is_made_again(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    path = blobs.path((await blobs.keep(stream(b"content"), limit=9)).sha256)
    path.unlink()
    path.parent.rmdir()
    await blobs.keep(stream(b"content"), limit=9)
    assert path.read_bytes() == b"content"


KEEPING_FOR_EVER = """
import os, sys, trio
from pathlib import Path
from infrastructure.blobs import LocalBlobs

async def stream():
    for _ in range(20):
        yield os.urandom(100_000)

async def main():
    blobs = LocalBlobs(Path(sys.argv[1]))
    while True:
        await blobs.keep(stream(), limit=4_000_000)
        print("kept", flush=True)

trio.run(main)
"""


def test_kill_9_in_the_middle_leaves_no_partial_blob(tmp_path: Path) -> None:
    halves = 0
    for delay in (0.0, 0.005, 0.011, 0.02, 0.03):
        command = [sys.executable, "-c", KEEPING_FOR_EVER, str(tmp_path)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
        halves = len(drafts(tmp_path))
        for path in visible(tmp_path):
            assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name
    assert visible(tmp_path)
    assert halves, "no kill hit the middle of a write: this test proves nothing"
