"""Writing into a stream that others write into as well."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from application.journal import JournalFailed, StaleWrite
from application.racing import LONGEST, until_recorded


class Race:
    """Lost so many times."""

    def __init__(self, lost: float) -> None:
        self.lost, self.began = lost, list[float]()

    async def attempt(self) -> str:
        self.began.append(trio.current_time())
        if len(self.began) <= self.lost:
            raise StaleWrite("the stream has moved on")
        return "recorded"


@pytest.mark.parametrize("lost", [0, 1, 500])
async def test_what_others_overtake_is_tried_again(lost: int, autojump_clock: MockClock) -> None:
    race = Race(lost)
    assert await until_recorded(race.attempt) == "recorded"
    assert len(race.began) == lost + 1
    assert len({round(moment, 3) for moment in race.began}) == lost + 1, "each in another millisecond"


async def test_what_is_always_overtaken_is_a_failure_that_is_told(autojump_clock: MockClock) -> None:
    race = Race(float("inf"))
    with pytest.raises(JournalFailed, match="others keep writing first: the stream has moved on"):
        await until_recorded(race.attempt)
    assert LONGEST <= trio.current_time() - race.began[0] < LONGEST + 1


async def test_whoever_waited_long_before_the_first_loss_is_not_given_up(autojump_clock: MockClock) -> None:
    race = Race(1)

    async def attempt() -> str:
        if not race.began:
            await trio.sleep(5 * LONGEST)
        return await race.attempt()

    assert await until_recorded(attempt) == "recorded"


async def test_other_failures_are_not_tried_again(autojump_clock: MockClock) -> None:
    tries = 0

    async def attempt() -> None:
        nonlocal tries
        tries += 1
        raise JournalFailed("the disk is full")

    with pytest.raises(JournalFailed, match="the disk is full"):
        await until_recorded(attempt)
    assert tries == 1
