"""The time axis: order is kept, and only what is idle is left out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from web.picture.axis import Axis, Tick

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
LEFT, RIGHT = 100.0, 900.0


def axis(*minutes: float, most: int = 9) -> Axis:
    return Axis([START + timedelta(minutes=minute) for minute in minutes], LEFT, RIGHT, most)


@given(st.lists(st.floats(0, 10**7), min_size=1, max_size=40), st.integers(0, 9))
def test_later_is_never_further_left_and_nothing_is_outside(minutes: list[float], most: int) -> None:
    made = axis(*minutes, most=most)
    places = [made.x(START + timedelta(minutes=minute)) for minute in sorted(minutes)]
    assert all(a <= b for a, b in pairwise(places))
    assert all(LEFT - 0.001 <= x <= RIGHT + 0.001 for x in places)
    assert len(made.breaks) <= most
    assert all(LEFT <= tick.x <= RIGHT + 0.001 for tick in (*made.ticks(), *made.days(90)))


def test_steady_work_has_no_break() -> None:
    assert not axis(*range(0, 480, 60)).breaks


def test_a_night_between_two_sessions_is_left_out() -> None:
    made = axis(0, 3, 7, 12, 900, 904, 910)
    assert len(made.breaks) == 1
    (first, second) = made.stretches
    assert (first.end - first.start, second.end - second.start) == (
        timedelta(minutes=12),
        timedelta(minutes=10),
    )


def test_two_moments_alone_are_the_ends_of_the_axis() -> None:
    made = axis(0, 50_000)
    assert not made.breaks
    assert made.x(START) == LEFT
    assert made.x(START + timedelta(minutes=50_000)) == RIGHT


def test_of_too_many_gaps_the_longest_are_left_out() -> None:
    minutes = [day * 1440 * (1 + day / 10) + minute for day in range(20) for minute in (0, 2, 4)]
    made = axis(*minutes, most=3)
    assert len(made.breaks) == 3
    assert made.stretches[-1].start == START + timedelta(minutes=19 * 1440 * 2.9)


def test_ticks_are_at_round_moments_with_room_between() -> None:
    ticks = list(axis(1, 119).ticks())
    assert len(ticks) > 4
    assert all(tick.at.minute % 5 == 0 and tick.style == "minute" for tick in ticks)
    assert all(b.x - a.x >= 60 for a, b in pairwise(ticks))


def test_a_moment_alone_is_in_the_middle_and_has_its_time() -> None:
    made = axis(0)
    assert list(made.ticks()) == [Tick(500.0, START, "minute")]
