"""Bytes that are deleted while somebody keeps the same ones: whoever keeps them has them, in every order."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from application.ports import StorageFailed
from infrastructure.object_store import Bucket
from infrastructure.object_store.deleting import FORGOTTEN
from infrastructure.object_store.objects import Found
from tests.object_store.stores import blob_of, file_of
from tests.object_store.turns import Choose, Shared, Turns, every_order

BYTES = b"the same bytes"
BLOB = blob_of(BYTES)
DAY = timedelta(days=1)


class World:
    """Somebody kept the bytes long ago, and nobody refers to them."""

    def __init__(self, folder: Path, *, md5s: bool) -> None:
        self.turns = Turns()
        self.objects = Shared(self.turns, md5s=md5s)
        self.bucket = Bucket(self.objects)
        self.file = file_of(folder, BYTES)
        self.kept = 0
        self.bucket.keep(self.file, BLOB)
        self.objects.later(2 * DAY)

    def keep(self) -> None:
        self.bucket.keep(self.file, BLOB)
        self.kept += 1

    def delete(self) -> None:
        if deletion := self.bucket.delete(BLOB.sha256, DAY.total_seconds()):
            deletion.carry_out()

    def look(self) -> None:
        assert not self.kept or self.has_them(), "somebody has kept them, and they are gone"

    def has_them(self) -> bool:
        try:
            return b"".join(self.bucket.chunks(BLOB.sha256)) == BYTES
        except StorageFailed:
            return False


@pytest.fixture(params=["MD5s", "other ETags"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], World]:
    """Bytes that are there already are only touched, or they are written anew."""
    return lambda: World(tmp_path, md5s=request.param == "MD5s")


def test_whoever_keeps_them_has_them_in_every_order(world: Callable[[], World]) -> None:
    ends: set[bool] = set()

    def play(choose: Choose) -> None:
        now = world()
        now.turns.play({"keeper": now.keep, "deleter": now.delete}, choose, now.look)
        assert now.has_them()
        assert not [*now.objects.under(f"trash/{BLOB.sha256}")]
        ends.add(bool([*now.objects.under(f"again/{BLOB.sha256}")]))

    assert every_order(play) > 100
    assert ends == {True, False}, "nobody ever had to keep them once more: this proves nothing"


def test_of_several_keepers_and_deleters_all_keepers_have_them(world: Callable[[], World]) -> None:
    for seed in range(400):
        now, dice = world(), random.Random(seed)
        parties = {"ada": now.keep, "bob": now.keep, "deleter": now.delete, "another": now.delete}
        weights = {name: dice.random() for name in parties}

        def choose(
            waiting: Sequence[str], dice: random.Random = dice, weights: dict[str, float] = weights
        ) -> str:
            return dice.choices(waiting, [weights[name] for name in waiting])[0]

        now.turns.play(parties, choose, now.look)
        assert now.has_them(), f"seed {seed}"


def test_a_deleter_who_sleeps_for_days_does_no_harm(world: Callable[[], World]) -> None:
    """It falls asleep before each of its steps, and others come and go."""
    for steps in range(8):
        now = world()
        turns = iter(["sleeper"] * (steps + 1))

        def choose(waiting: Sequence[str], turns: Iterator[str] = turns) -> str:
            return next((name for name in turns if name in waiting), waiting[-1])

        def others(now: World = now) -> None:
            now.keep()
            now.objects.later(DAY / 2)
            now.delete()
            now.keep()

        now.turns.play({"sleeper": now.delete, "others": others}, choose, now.look)
        assert now.has_them()


def test_what_was_kept_beside_a_forgotten_note_is_deleted_like_any_other(world: Callable[[], World]) -> None:
    now = world()
    note = f"trash/{BLOB.sha256}/killed"
    now.objects.put(note, b"")
    now.keep()
    assert len([*now.objects.under(f"again/{BLOB.sha256}")]) == 1
    now.objects.later(FORGOTTEN + DAY)
    now.delete()
    assert not now.has_them()
    assert [found.name for found in now.objects.under()] == []


def test_when_the_store_fails_in_the_middle_the_note_stays(world: Callable[[], World]) -> None:
    """Its answer is lost, so the request may still be under way: keepers go on being careful."""

    class Failing(Shared):
        def delete(self, names: Sequence[str]) -> None:
            if names:
                raise StorageFailed("no answer in time")

    now = world()
    failing = Failing(now.turns, md5s=True)
    failing.__dict__ |= now.objects.__dict__
    deletion = Bucket(failing).delete(BLOB.sha256, DAY.total_seconds())
    assert deletion
    with pytest.raises(StorageFailed):
        deletion.carry_out()
    now.keep()
    now.objects.delete([f"{BLOB.sha256[:2]}/{BLOB.sha256}"])  # and there it comes
    assert now.has_them()


def test_in_a_store_that_lists_late_nothing_is_deleted(world: Callable[[], World]) -> None:
    class Late(Shared):
        def under(self, folder: str | None = None) -> Iterator[Found]:
            return iter(())

    now = world()
    late = Late(now.turns, md5s=True)
    late.__dict__ |= now.objects.__dict__
    with pytest.raises(StorageFailed, match="does not list"):
        Bucket(late).delete(BLOB.sha256, 0)
    assert now.has_them()
