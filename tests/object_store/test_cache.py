"""Copies on the local disk are few, and the ones that are used."""

from __future__ import annotations

import os
from pathlib import Path

from infrastructure.object_store.cache import Cache


def taken(cache: Cache, folder: Path, name: str, size: int, at: int) -> None:
    path = folder / "draft"
    path.write_bytes(b"x" * size)
    os.utime(path, (at, at))
    cache.take(path, name)


def test_the_ones_that_nobody_asked_for_longest_make_room(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", room=1000)
    for at, name in enumerate(["a", "b", "c"]):
        taken(cache, tmp_path, name, 300, at)
    assert cache.path("a")
    taken(cache, tmp_path, "d", 400, 3)
    assert [name for name in "abcd" if cache.path(name)] == ["a", "c", "d"]


def test_the_last_one_stays_however_large_it_is(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", room=1000)
    taken(cache, tmp_path, "a", 500, 0)
    taken(cache, tmp_path, "b", 5000, 1)
    assert [name for name in "ab" if cache.path(name)] == ["b"]


def test_small_ones_do_not_grow_beyond_a_little_more_than_the_room(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", room=1000)
    for at in range(200):
        taken(cache, tmp_path, f"{at}", 20, at)
        assert sum(path.stat().st_size for path in (tmp_path / "cache").iterdir()) <= 1000 + 1000 // 8 + 20


def test_a_start_begins_anew(tmp_path: Path) -> None:
    taken(Cache(tmp_path / "cache"), tmp_path, "a", 5, 0)
    assert Cache(tmp_path / "cache").path("a") is None
