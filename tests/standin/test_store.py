"""The shelves of the store, and what a folder keeps."""

from __future__ import annotations

from pathlib import Path

import httpx
import trio
from trio.testing import MockClock

from infrastructure.standin import StandinConfig
from infrastructure.standin.server import Standin
from infrastructure.standin.store import Entry, Store
from tests.standin.stage import now


def test_a_shelf_holds_what_was_put_last() -> None:
    with Store() as store:
        shelf, other = store.shelf("a"), store.shelf("b")
        shelf.put("two", {"n": 2})
        shelf.put("one", {"n": 0}, b"old")
        shelf.put("one", {"n": 1}, b"new")
        assert shelf.get("one") == Entry({"n": 1}, b"new")
        assert (list(shelf), len(shelf), "two" in shelf) == (["one", "two"], 2, True)
        assert (list(other), other.get("one"), "one" in other) == ([], None, False)
        assert (shelf.drop("one"), shelf.drop("one"), list(shelf)) == (True, False, ["two"])


def test_a_folder_outlives_its_store(tmp_path: Path) -> None:
    with Store(tmp_path / "new") as store:
        store.shelf("a").put("key", {"n": 1}, b"bytes")
    with Store(tmp_path / "new") as store:
        assert store.shelf("a").get("key") == Entry({"n": 1}, b"bytes")


async def test_old_results_leave_the_folder(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with httpx.AsyncClient() as client, trio.open_nursery() as nursery:
        with Store(tmp_path) as store:
            results = Standin.create(StandinConfig(), client, nursery, now=now, store=store).results
            results.keep("data/k_1", "output.txt", b"bytes", now())
            await trio.sleep(24 * 3600)
            results.keep("data/k_2", "output.txt", b"bytes", now())
            assert len(store.shelf("results")) == 2
            await trio.sleep(1000)
            results.keep("data/k_3", "output.txt", b"bytes", now())
            assert len(store.shelf("results")) == 2
