"""Alarms ring once, at the last time that was set and not before, however often it was moved."""

from __future__ import annotations

from math import inf

import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from application.alarms import Alarm, Alarms

TIMES = st.integers(0, 20) | st.just(inf) | st.just(-inf)


class Ringing:
    """Alarms whose rings are written down with the time of each."""

    def __init__(self, count: int) -> None:
        self.alarms = Alarms()
        self.rang: list[tuple[int, float]] = []
        self.each = [Alarm(self.alarms, lambda number=number: self._note(number)) for number in range(count)]  # type: ignore[misc]

    def _note(self, number: int) -> None:
        self.rang.append((number, trio.current_time()))


@given(st.lists(st.tuples(st.integers(0, 2), TIMES, st.integers(0, 4)), max_size=20))
def test_it_rings_once_at_the_last_time_that_was_set(steps: list[tuple[int, float, int]]) -> None:
    async def run() -> None:
        start, ringing = trio.current_time(), Ringing(3)
        due: dict[int, float] = {}
        expected: list[tuple[int, float]] = []

        def come(now: float) -> None:
            for number, at in sorted(due.items(), key=lambda item: item[1]):
                if at <= now:
                    expected.append((number, max(at, set_at[number])))
                    del due[number]

        set_at: dict[int, float] = {}
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ringing.alarms.run)
            await wait_all_tasks_blocked()
            for number, at, pause in [*steps, (0, inf, 30), (0, inf, 0)]:
                if number in due or at < inf:
                    due[number], set_at[number] = start + at, trio.current_time()
                ringing.each[number].set(start + at)
                await trio.sleep(pause)
                await wait_all_tasks_blocked()
                come(trio.current_time())
            nursery.cancel_scope.cancel()
        assert sorted(ringing.rang) == sorted(expected)

    trio.run(run, clock=MockClock(autojump_threshold=0))


async def test_who_has_left_is_not_rung_for_and_not_held(autojump_clock: MockClock) -> None:
    ringing = Ringing(2)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ringing.alarms.run)
        with ringing.each[0] as alarm:
            alarm.set(trio.current_time() + 1)
            ringing.each[1].set(trio.current_time() + 2)
        assert alarm.ring is not ringing.each[1].ring
        await trio.sleep(5)
        nursery.cancel_scope.cancel()
    assert [number for number, _ in ringing.rang] == [1]
