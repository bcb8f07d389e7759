"""Sidecars on a real disk: synced before they count, kept when they cannot be read, shared by processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import trio

from application.ports import StorageFailed
from infrastructure.seats import Seats
from infrastructure.sidecars import LocalSidecars, seated
from tests.contract.test_sidecars import sidecar


async def test_a_sidecar_is_synced_and_so_is_its_name(tmp_path: Path) -> None:
    synced: list[str] = []

    def fsync(handle: int) -> None:
        synced.append(Path(os.readlink(f"/proc/self/fd/{handle}")).suffix)
        os.fsync(handle)

    sidecars = LocalSidecars(tmp_path / "sidecars", fsync=fsync)
    synced.clear()
    await sidecars.put(sidecar())
    assert synced == [".draft", ""]
    assert [path.suffix for path in (tmp_path / "sidecars").iterdir()] == [".json"]


async def test_the_next_life_finds_them_and_sweeps_half_written_ones(tmp_path: Path) -> None:
    await LocalSidecars(tmp_path).put(sidecar())
    (tmp_path / "half.draft").write_text('{"key": "ad')
    next_life = LocalSidecars(tmp_path)
    assert next_life.holds(sidecar().key)
    assert list(await next_life.waiting()) == [sidecar()]
    assert [path.suffix for path in await trio.Path(tmp_path).glob("*")] == [".json"]


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff", b'{"key": "k", "offer": 7}', b"null"])
async def test_what_cannot_be_read_is_set_apart_and_keeps_nobody_waiting(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    sidecars = LocalSidecars(tmp_path)
    (tmp_path / "odd.json").write_bytes(content)
    await sidecars.put(sidecar())
    for _ in range(2):
        assert list(await sidecars.waiting()) == [sidecar()]
    assert (tmp_path / "odd.unreadable").read_bytes() == content
    assert [record.levelname for record in caplog.records] == ["CRITICAL"]


async def test_a_full_disk_is_said(tmp_path: Path) -> None:
    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    sidecars = LocalSidecars(tmp_path)
    sidecars._fsync = full
    with pytest.raises(StorageFailed, match="No space left"):
        await sidecars.put(sidecar())
    assert not await sidecars.waiting()


async def test_each_process_tells_of_its_own_and_sees_all(tmp_path: Path) -> None:
    async with seated(tmp_path) as one, seated(tmp_path) as two:
        first, second = sidecar("first"), sidecar("second")
        await one.put(first)
        await two.put(second)
        for sidecars, ours in ((one, first), (two, second)):
            waiting = await sidecars.waiting()
            assert {each.key for each in waiting} == {"first", "second"}, "bytes of all are still needed"
            assert list(filter(sidecars.tells, waiting)) == [ours]
            assert len(sidecars) == 1
            assert not await sidecars.take_over(), "the other one lives"
        await two.drop(first.id)
        assert len(await one.waiting()) == 2, "nobody drops what another has"


async def test_drafts_of_a_living_process_are_not_swept(tmp_path: Path) -> None:
    async with seated(tmp_path):
        draft = tmp_path / "sidecars" / "half.draft"
        draft.write_text("{")
        async with seated(tmp_path):
            assert draft.exists()
        async with seated(tmp_path) as other:
            await other.take_over()
            assert draft.exists()
    async with seated(tmp_path):
        assert not draft.exists()


async def test_what_a_process_leaves_is_told_by_another_that_lives_and_only_by_one(tmp_path: Path) -> None:
    async with seated(tmp_path) as one, seated(tmp_path) as two:
        async with seated(tmp_path) as three:
            await three.put(sidecar())
            assert [await one.take_over(), await two.take_over()] == [False, False]
        assert [await two.take_over(), await one.take_over()] == [True, False]
        assert (two.holds(sidecar().key), one.holds(sidecar().key)) == (True, False)
        assert list(filter(two.tells, await two.waiting())) == [sidecar()]
        await two.drop(sidecar().id)
        assert not await one.waiting()


async def test_the_next_start_takes_over_what_many_processes_have_left(tmp_path: Path) -> None:
    async with seated(tmp_path) as one, seated(tmp_path) as two, seated(tmp_path) as three:
        for number, sidecars in enumerate((one, two, three)):
            await sidecars.put(sidecar(f"key {number}"))
    async with seated(tmp_path) as alone:
        assert len(alone) == 3
        assert all(map(alone.tells, await alone.waiting()))


@pytest.mark.parametrize("theirs_fetched", [True, False])
@pytest.mark.parametrize("ours_fetched", [True, False])
async def test_of_two_that_know_of_one_save_the_bytes_survive(
    tmp_path: Path, *, ours_fetched: bool, theirs_fetched: bool
) -> None:
    fetched, unfetched = sidecar(), replace(sidecar(), stored=None)
    async with seated(tmp_path) as ours:
        await ours.put(fetched if ours_fetched else unfetched)
        async with seated(tmp_path) as theirs:
            await theirs.put(fetched if theirs_fetched else unfetched)
        await ours.take_over()
        if not ours_fetched:
            await ours.drop(unfetched.id)  # its errand has come to nothing
            assert await ours.take_over() is theirs_fetched
        expected = [fetched] if ours_fetched or theirs_fetched else []
        assert list(await ours.waiting()) == expected
        assert list(filter(ours.tells, expected)) == expected


LEAVING = """
import sys, trio
from pathlib import Path
from infrastructure.sidecars import seated
from tests.contract.test_sidecars import sidecar

async def leave():
    async with seated(Path(sys.argv[1])) as sidecars:
        for number in range(20):
            await sidecars.put(sidecar(f"key {number}"))
        print("put", flush=True)
        await trio.sleep_forever()

trio.run(leave)
"""


TAKING = """
import os, sys, trio
from pathlib import Path
from infrastructure.sidecars import seated

async def take():
    async with seated(Path(sys.argv[1])) as ours:
        replace, left = Path.replace, int(sys.argv[2])

        def doomed(path, target):
            nonlocal left
            left -= 1
            if left < 0:
                os.kill(os.getpid(), 9)
            return replace(path, target)

        Path.replace = doomed
        print("ready", flush=True)
        sys.stdin.readline()
        await ours.take_over()

trio.run(take)
"""


async def test_who_is_killed_while_taking_over_loses_nothing(tmp_path: Path) -> None:
    def python(code: str, *arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", code, str(tmp_path), *map(str, arguments)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
        assert process.stdout
        assert process.stdout.readline()
        return process

    first = python(TAKING, 7)
    second = python(LEAVING)
    second.kill()
    second.communicate()
    first.communicate("now")
    assert first.returncode == -signal.SIGKILL
    async with seated(tmp_path) as alone:
        assert {each.key for each in filter(alone.tells, await alone.waiting())} == {
            f"key {number}" for number in range(20)
        }
    names = {path.name.count(".") for path in (tmp_path / "sidecars").iterdir()}
    assert names == {1}, "all are at the first seat"


def test_a_seat_is_free_again_as_soon_as_its_process_is_killed(tmp_path: Path) -> None:
    seats = Seats(tmp_path / "seats")
    with seats.taken() as first, seats.taken() as second:
        assert (first, second) == (1, 2)
    with seats.taken() as again, seats.free(1) as free, seats.free(2) as left:
        assert (again, free, left) == (1, False, True)
