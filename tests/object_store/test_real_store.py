"""A real object store that is killed, stopped and lied about: nothing that was kept is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from random import Random

import pytest
import trio
import trio.lowlevel

from application.ports import Blob, Blobs, StorageFailed
from infrastructure.blob_stores import blobs_of
from infrastructure.depots import checked
from infrastructure.object_store import HASTY, Bucket, bucket_at
from infrastructure.overflow import OverflowBlobs
from tests.engines.objects import ObjectStore
from tests.object_store.meddler import Meddler, meddler
from tests.object_store.stores import blob_of, keep, objects_in, overflowing, read
from tests.web.fake_server import FakeServer
from tests.web.service import settings

pytestmark = pytest.mark.scale

MIB = 1 << 20
WORD, OTHER = b"<the word that is looked for>", b"<the wurd that is looked for>"


@pytest.fixture
def url(object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in object_store.environment.items():
        monkeypatch.setenv(name, value)
    return object_store.url()


@pytest.fixture
def bucket(url: str) -> Bucket:
    return bucket_at(url, HASTY)


@pytest.fixture
def blobs(bucket: Bucket, tmp_path: Path) -> OverflowBlobs:
    return overflowing(bucket, tmp_path)


def content(seed: int, size: int) -> bytes:
    return Random(seed).randbytes(size)


async def slowly(what: bytes, step: int = MIB) -> AsyncIterator[bytes]:
    for at in range(0, len(what), step):
        yield what[at : at + step]
        await trio.lowlevel.checkpoint()


async def test_what_was_kept_while_the_store_died_and_came_back_is_all_there(
    object_store: ObjectStore, url: str, blobs: OverflowBlobs, tmp_path: Path
) -> None:
    kept: list[Blob] = []

    async def save(seed: int, size: int) -> None:
        kept.append(await blobs.keep(slowly(content(seed, size)), limit=10**9))

    async with trio.open_nursery() as nursery:
        for seed in range(12):
            nursery.start_soon(save, seed, Random(seed).choice([37_000, 3 * MIB, 30 * MIB]))
        await trio.sleep(0.3)
        await trio.to_thread.run_sync(object_store.kill)
    assert blobs.failing
    assert len(kept) == 12
    await keep(blobs, b"and one more")
    with pytest.raises(StorageFailed):
        await blobs.settle()
    await trio.to_thread.run_sync(object_store.start)
    with trio.fail_after(60):
        assert await blobs.settle()
    bucket = bucket_at(url, HASTY)  # with nothing of ours beside it
    for blob in kept:
        assert sum(map(len, checked(bucket, blob.sha256))) == blob.size
    assert not [path for path in (tmp_path / "overflow").rglob("*") if path.is_file()]


async def test_a_store_that_hangs_keeps_no_save_waiting_for_more_than_ten_seconds(
    object_store: ObjectStore, blobs: OverflowBlobs
) -> None:
    old = await keep(blobs, content(1, 37_000))
    object_store.pause()
    began = time.monotonic()
    new = await keep(blobs, content(2, 37_000))
    assert time.monotonic() - began < 10
    began = time.monotonic()
    newer = await keep(blobs, content(3, 30 * MIB))
    assert time.monotonic() - began < 2
    assert {await read(blobs, each.sha256) for each in (old, new, newer)}
    object_store.resume()
    with trio.fail_after(60):
        assert await blobs.settle()
    assert not blobs.failing


def test_a_killed_upload_is_never_seen(
    object_store: ObjectStore, url: str, bucket: Bucket, tmp_path: Path
) -> None:
    what = content(1, 60 * MIB)
    path = tmp_path / "large"
    path.write_bytes(what)
    dying = """
        import os, sys
        from pathlib import Path
        from application.ports import Blob
        from infrastructure.object_store import HASTY, bucket_at

        class Dying(type(Path())):
            def open(self, mode):
                file = super().open(mode)
                class Reader:
                    def __enter__(self): return self
                    def __exit__(self, *_): pass
                    def read(self, size):
                        if file.tell() > 40_000_000: os.kill(os.getpid(), 9)
                        return file.read(size)
                return Reader()

        bucket_at(sys.argv[1], HASTY).keep(Dying(sys.argv[2]), Blob(sys.argv[3], int(sys.argv[4])))
    """
    blob = blob_of(what)
    command = [sys.executable, "-c", textwrap.dedent(dying), url, str(path), blob.sha256, str(blob.size)]
    died = subprocess.run(
        command, check=False, cwd=Path(__file__).parents[2], env=os.environ.copy(), timeout=60
    )
    assert died.returncode == -signal.SIGKILL
    assert bucket.size(blob.sha256) is None
    bucket.keep(path, blob)
    assert b"".join(checked(bucket, blob.sha256)) == what


@pytest.fixture
def network(object_store: ObjectStore, url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Meddler]:
    with meddler(object_store.port) as meddling:
        monkeypatch.setenv("AWS_ENDPOINT_URL", meddling.url)
        yield meddling


def through(url: str, folder: Path) -> OverflowBlobs:
    return overflowing(bucket_at(url, HASTY), folder)


@pytest.mark.parametrize("size", [40_000, 20 * MIB])
async def test_what_is_changed_on_its_way_is_not_stored(
    network: Meddler, url: str, bucket: Bucket, tmp_path: Path, size: int
) -> None:
    what = content(1, size) + WORD + content(2, size // 2)
    network.questions[WORD] = OTHER
    blobs = through(url, tmp_path)
    blob = await keep(blobs, what)
    assert network.met
    assert blobs.failing, "so that it is on the local disk"
    assert await read(blobs, blob.sha256) == what
    network.questions.clear()
    assert await blobs.settle()
    assert b"".join(checked(bucket, blob.sha256)) == what


@pytest.mark.parametrize("size", [40_000, 20 * MIB])
async def test_what_is_changed_on_its_way_back_does_not_come_to_its_end(
    network: Meddler, url: str, bucket: Bucket, tmp_path: Path, size: int
) -> None:
    what = content(1, size) + WORD + content(2, size // 2)
    blob = await keep(objects_in(bucket, tmp_path / "a"), what)
    network.answers[WORD] = OTHER
    with pytest.raises(StorageFailed, match="damaged"):
        await read(through(url, tmp_path / "b"), blob.sha256)
    assert network.met


async def test_answers_that_break_off_are_asked_for_again_or_fail(
    network: Meddler, url: str, bucket: Bucket, tmp_path: Path
) -> None:
    what = content(1, 3 * MIB) + WORD + content(2, MIB)
    blob = await keep(objects_in(bucket, tmp_path / "a"), what)
    network.answers[WORD] = b""
    with pytest.raises(StorageFailed):
        await read(through(url, tmp_path / "b"), blob.sha256)
    assert network.met > 1


async def test_a_body_that_is_shorter_than_its_range_is_noticed(
    network: Meddler, url: str, bucket: Bucket, tmp_path: Path
) -> None:
    blob = await keep(objects_in(bucket, tmp_path / "a"), content(1, 5000))
    network.answers[b"Content-Length: 5000"] = b"Content-Length: 4000"
    with pytest.raises(StorageFailed):
        await read(through(url, tmp_path / "b"), blob.sha256)
    with pytest.raises(StorageFailed):
        await read(through(url, tmp_path / "b"), blob.sha256, 0, 5000)
    assert network.met


async def test_an_upload_whose_answer_is_lost_is_safe_all_the_same(
    network: Meddler, url: str, bucket: Bucket, tmp_path: Path
) -> None:
    network.answers[b"HTTP/1.1 200"] = b""
    blobs = through(url, tmp_path)
    blob = await keep(blobs, b"words")
    assert blobs.failing
    network.answers.clear()
    assert await blobs.settle()
    assert b"".join(checked(bucket, blob.sha256)) == b"words"


async def test_the_settings_name_it(url: str, tmp_path: Path) -> None:
    given = settings(tmp_path / "data", FakeServer("http://127.0.0.1:1"), blob_url=url)
    blobs: Blobs = blobs_of(given)
    blob = await keep(blobs, b"words")
    assert await read(blobs, blob.sha256) == b"words"
    assert b"".join(bucket_at(url, HASTY).chunks(blob.sha256)) == b"words"
