"""Counting in memory: what it remembers, and what it costs."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from infrastructure.limits import limits_of
from infrastructure.limits.memory import MOST_SUBJECTS, MemoryRateLimit, WindowStorage


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_a_new_window_begins_when_the_old_one_is_over() -> None:
    clock = Clock()
    limit = MemoryRateLimit("1/15 minutes", clock)
    assert (await limit.hit("a")).headers() == {
        "RateLimit-Policy": '"requests";q=1;w=900',
        "RateLimit": '"requests";r=0;t=900',
        "RateLimit-Limit": "1",
        "RateLimit-Remaining": "0",
        "RateLimit-Reset": "900",
    }
    clock.now += 899.5
    assert (await limit.hit("a")).reset_seconds == 1
    clock.now += 0.5
    assert (await limit.hit("a")).allowed


async def test_whether_it_is_spent_can_be_asked_without_counting() -> None:
    limit = MemoryRateLimit("2/minute", Clock())
    for spent in (False, False, True, True):
        assert [limit.spent("a") for _ in range(3)] == [spent] * 3
        await limit.hit("a")
    assert not limit.spent("b")
    assert not MemoryRateLimit("off").spent("a")


def test_a_flood_of_subjects_is_not_remembered_without_bound() -> None:
    storage = WindowStorage(Clock())
    for number in range(MOST_SUBJECTS + 10):
        storage.incr(f"client {number}", 900)
    assert storage.get("client 9") == 0
    assert storage.get("client 10") == 1
    assert storage.reset() == MOST_SUBJECTS


async def test_where_is_counted_is_said_in_one_place() -> None:
    limits = limits_of("memory://", "1/minute", "off")
    assert [(await limits.requests.hit("a")).allowed for _ in range(2)] == [True, False]
    assert (await limits.callbacks.hit("a")).allowed
    assert (await limits.forgeries.hit("a")).limit
    assert not limits.counters.failing


def test_finished_windows_are_forgotten() -> None:
    clock = Clock()
    storage = WindowStorage(clock)
    for number in range(1000):
        storage.incr(f"client {number}", 60)
    clock.now += 61
    storage.incr("late", 60)
    assert storage.get("client 1") == 0
    assert storage.reset() == 1


async def test_a_clock_set_back_locks_nobody_out() -> None:
    clock = Clock(1_000_000.0)
    limit = MemoryRateLimit("1/minute", clock)
    await limit.hit("a")
    clock.now = 0
    assert (await limit.hit("a")).allowed


def test_the_storage_keeps_the_librarys_promises() -> None:
    storage = WindowStorage(Clock())
    assert storage.check()
    assert storage.incr("a", 60, amount=5) == storage.get("a") == 5
    assert storage.get_expiry("a") == 1060
    storage.clear("a")
    assert storage.get("a") == 0
    assert storage.base_exceptions is ValueError


async def test_counting_starts_no_thread() -> None:
    before = threading.active_count()
    limit = MemoryRateLimit("10000/15 minutes")
    for number in range(1000):
        await limit.hit(f"{number}")
    assert threading.active_count() == before
