"""Sidecars on a real disk: synced before they count, kept when they cannot be read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import trio

from application.ports import StorageFailed
from infrastructure.sidecars import LocalSidecars
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
