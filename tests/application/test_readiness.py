"""Whether anybody should be sent here, as each check says it in time."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from application.journal import JournalFailed
from application.ports import StorageFailed
from application.readiness import FAILS, FINE, SILENT, Readiness


async def fine() -> str:
    return FINE


async def hangs() -> str:
    await trio.sleep_forever()
    return FINE


async def test_each_check_is_heard(nursery: trio.Nursery) -> None:
    async def shut() -> str:
        return "shut for maintenance"

    judged = await Readiness(nursery, {"journal": fine, "door": shut}).judged()
    assert judged == {"journal": FINE, "door": "shut for maintenance"}


@pytest.mark.parametrize("trouble", [JournalFailed, StorageFailed, OSError, KeyError])
async def test_what_fails_is_told_without_its_details(
    nursery: trio.Nursery, trouble: type[Exception]
) -> None:
    async def fails() -> str:
        raise trouble("/srv/a secret place")

    assert await Readiness(nursery, {"blobs": fails, "door": fine}).judged() == {"blobs": FAILS, "door": FINE}


async def test_a_check_that_hangs_is_waited_for_two_seconds(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    readiness = Readiness(nursery, {"blobs": hangs, "door": fine})
    began = trio.current_time()
    assert await readiness.judged() == {"blobs": SILENT, "door": FINE}
    assert trio.current_time() - began == 2
    nursery.cancel_scope.cancel()


async def test_however_often_it_is_asked_a_check_that_hangs_runs_once(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    asked, mended = 0, trio.Event()

    async def check() -> str:
        nonlocal asked
        asked += 1
        await mended.wait()
        return FINE

    readiness = Readiness(nursery, {"blobs": check})
    async with trio.open_nursery() as polls:
        for _ in range(100):
            polls.start_soon(readiness.judged)
    assert await readiness.judged() == {"blobs": SILENT}
    assert asked == 1
    mended.set()
    assert await readiness.judged() == {"blobs": FINE}
    assert await readiness.judged() == {"blobs": FINE}
    assert asked == 2
