"""What every store of sidecars promises, the fake one included."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from application.sidecars import Sidecar, Sidecars
from domain.commands import CommitOffer
from infrastructure.sidecars import LocalSidecars
from tests.fakes import FakeSidecars
from tests.story import at, take


@pytest.fixture(params=["fake", "local"])
def sidecars(request: pytest.FixtureRequest, tmp_path: Path) -> Sidecars:
    return FakeSidecars() if request.param == "fake" else LocalSidecars(tmp_path / "sidecars")


def sidecar(key: str = "ada-f1-1795435200000", n: int = 1, sha256: str = "a" * 64) -> Sidecar:
    offer = replace(take(n), changes_url="http://c", history={"changes": [{"user": {"id": "ada"}}]})
    stored = CommitOffer(at=at(31), offer=offer.offer, sha256=sha256, size=7, changes_sha256="c" * 64)
    return Sidecar(key, offer, stored)


async def test_what_was_put_waits_until_it_is_dropped(sidecars: Sidecars) -> None:
    one, two = sidecar(n=1), sidecar(n=2)
    await sidecars.put(one)
    await sidecars.put(two)
    assert {waiting.id: waiting for waiting in await sidecars.waiting()} == {one.id: one, two.id: two}
    assert sidecars.holds(one.key)
    assert not sidecars.holds("another")
    await sidecars.drop(one.id)
    await sidecars.drop(one.id)
    assert list(await sidecars.waiting()) == [two]
    await sidecars.drop(two.id)
    assert not sidecars.holds(two.key)


async def test_a_later_one_replaces_the_earlier(sidecars: Sidecars) -> None:
    unfetched = replace(sidecar(), stored=None)
    await sidecars.put(unfetched)
    assert list(await sidecars.waiting()) == [unfetched]
    await sidecars.put(sidecar(sha256="a" * 64))
    later = sidecar(sha256="b" * 64)
    await sidecars.put(later)
    assert list(await sidecars.waiting()) == [later]


@pytest.mark.parametrize("key", ["../../etc/passwd", "a" * 5000, "Ключ / \\ : \0", ""])
async def test_any_key_will_do(sidecars: Sidecars, key: str) -> None:
    await sidecars.put(sidecar(key))
    assert [waiting.key for waiting in await sidecars.waiting()] == [key]
    await sidecars.drop(sidecar(key).id)
    assert not await sidecars.waiting()
