"""Deleting bytes while somebody keeps the same ones: whoever keeps them has them, in every order."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import trio

from infrastructure.blobs import LocalBlobs
from infrastructure.durable import Folders
from infrastructure.trash import Trash, is_idle, touch

DAY = 86400.0
BYTES = b"the same bytes"


async def stream() -> AsyncIterator[bytes]:
    yield BYTES


async def kept(blobs: LocalBlobs) -> Path:
    return blobs.path((await blobs.keep(stream(), limit=99)).sha256)


def age(path: Path) -> None:
    os.utime(path, (time.time() - 2 * DAY,) * 2)


def old(path: Path) -> bool:
    return is_idle(path, DAY)


async def nobody() -> bool:
    return False


class Meddled(type(Path())):  # type: ignore[misc]
    """A path whose renaming lets somebody else act just before and just after."""

    before: Callable[[], object] = staticmethod(lambda: None)
    after: Callable[[], object] = staticmethod(lambda: None)

    def rename(self, target: Path) -> Path:
        self.before()
        renamed: Path = super().rename(target)
        self.after()
        return renamed


@pytest.fixture
def trash(tmp_path: Path) -> Trash:
    (tmp_path / "trash").mkdir()
    return Trash(tmp_path / "trash", Folders(os.fsync))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "ab" / "abcd"
    path.parent.mkdir()
    path.write_bytes(BYTES)
    age(path)
    return path


def test_a_touch_just_before_the_renaming_brings_the_bytes_back(trash: Trash, path: Path) -> None:
    class Touched(Meddled):
        before = staticmethod(lambda: touch(path))

    assert trash.lay_aside(Touched(path), old) is None
    assert path.read_bytes() == BYTES


def test_a_touch_just_after_the_renaming_tells_that_they_are_gone(trash: Trash, path: Path) -> None:
    told = []

    class Touched(Meddled):
        after = staticmethod(lambda: told.append(touch(path)))

    aside = trash.lay_aside(Touched(path), old)
    assert told == [False], "so that whoever touches publishes their own"
    assert aside
    path.write_bytes(b"their own")
    assert trash.destroy(aside)
    assert path.read_bytes() == b"their own"


def test_what_is_put_back_counts_as_wanted(trash: Trash, path: Path) -> None:
    aside = trash.lay_aside(path, old)
    assert aside
    trash.put_back(aside, path)
    assert trash.lay_aside(path, old) is None


def test_what_others_published_meanwhile_is_not_overwritten(trash: Trash, path: Path) -> None:
    aside = trash.lay_aside(path, old)
    assert aside
    path.write_bytes(b"whole")
    trash.put_back(aside, path)
    assert path.read_bytes() == b"whole"
    assert not aside.exists()


def test_what_another_process_has_put_back_is_left_there(trash: Trash, path: Path) -> None:
    aside = trash.lay_aside(path, old)
    assert aside
    trash.put_back(aside, path)
    trash.put_back(aside, path)
    assert not trash.destroy(aside)
    assert path.read_bytes() == BYTES


async def test_bytes_laid_aside_while_a_draft_is_synced_are_published_anew(tmp_path: Path) -> None:
    path = await kept(LocalBlobs(tmp_path))

    def lay_aside(handle: int) -> None:
        if "/tmp/" in os.readlink(f"/proc/self/fd/{handle}").removeprefix(str(tmp_path)):
            path.rename(tmp_path / "trash" / path.name)

    assert await kept(LocalBlobs(tmp_path, fsync=lay_aside)) == path
    assert (tmp_path / "trash" / path.name).exists()
    assert path.read_bytes() == BYTES


async def test_keeping_and_discarding_at_once_never_loses_what_was_kept(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    path = await kept(blobs)
    both: set[bool] = set()
    for round_ in range(300):
        age(path)
        with trio.fail_after(10):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(kept, blobs)
                nursery.start_soon(_discard, blobs, path.name, round_ % 10 / 10_000, both)
        assert path.read_bytes() == BYTES
    assert both == {True, False}, "one of the two always came first: this test proves nothing"


async def _discard(blobs: LocalBlobs, sha256: str, later: float, outcomes: set[bool]) -> None:
    await trio.sleep(later)  # the steps of the other are tens of microseconds long
    outcomes.add(await blobs.discard(sha256, idle=DAY, referenced=nobody))


async def test_what_a_crash_left_in_the_trash_is_put_back(tmp_path: Path) -> None:
    dying = """if True:
        import os, sys, trio
        from pathlib import Path
        from infrastructure.blobs import LocalBlobs

        async def die():
            os._exit(9)

        trio.run(lambda: LocalBlobs(Path(sys.argv[1])).discard(sys.argv[2], idle=0, referenced=die))
    """
    path = await kept(LocalBlobs(tmp_path))
    command = [sys.executable, "-c", dying, str(tmp_path), path.name]
    with trio.fail_after(60):
        died = await trio.run_process(command, cwd=Path(__file__).parents[2], check=False)
    assert died.returncode == 9
    assert not path.exists()
    (tmp_path / "trash" / "no digest").write_text("somebody's note")
    LocalBlobs(tmp_path)
    assert path.read_bytes() == BYTES
    assert [left.name for left in (tmp_path / "trash").iterdir()] == ["no digest"]


async def test_a_cancelled_discard_puts_the_bytes_back(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    path = await kept(blobs)
    with trio.move_on_after(0.05) as scope:
        await blobs.discard(path.name, idle=0, referenced=trio.sleep_forever)
    assert scope.cancelled_caught
    assert path.read_bytes() == BYTES
