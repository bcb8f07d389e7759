"""Counting in fixed windows in this process alone."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from limits import RateLimitItem, parse
from limits.storage import Storage

from application.limits import UNLIMITED, Decision

MOST_SUBJECTS = 100_000  # counted at once; beyond that the oldest begin anew


class WindowStorage(Storage):
    """Counts in memory and forgets finished windows on the way.

    The library's own memory storage starts a thread that walks over all keys, up to a hundred
    times a second.
    """

    STORAGE_SCHEME = ["docledger-memory"]  # noqa: RUF012 - the library's hook is a list

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock
        self._windows: dict[str, tuple[int, float]] = {}  # count, end of the window
        self._swept = clock()

    @property
    def base_exceptions(self) -> type[Exception]:
        return ValueError

    def __bool__(self) -> bool:
        return bool(self._windows)

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        now = self._clock()
        if now - self._swept > expiry:
            self._windows = {kept: window for kept, window in self._windows.items() if window[1] > now}
            self._swept = now
        count, end = self._windows.get(key, (0, 0.0))
        if not now < end <= now + expiry:  # over, or the clock was set back
            count, end = 0, now + expiry
        self._windows[key] = (count + amount, end)
        if len(self._windows) > MOST_SUBJECTS:
            del self._windows[next(iter(self._windows))]
        return count + amount

    def get(self, key: str) -> int:
        count, end = self._windows.get(key, (0, 0.0))
        return count if end > self._clock() else 0

    def get_expiry(self, key: str) -> float:
        return self._windows.get(key, (0, self._clock()))[1]

    def check(self) -> bool:
        return True

    def reset(self) -> int:
        forgotten = len(self._windows)
        self._windows.clear()
        return forgotten

    def clear(self, key: str) -> None:
        self._windows.pop(key, None)


class MemoryRateLimit:
    def __init__(self, spec: str, clock: Callable[[], float] = time.monotonic) -> None:
        """`spec` as the limits library reads it (`10000/15 minutes`), or `off`."""
        self._limit = limit_of(spec)
        self._clock = clock
        self._storage = WindowStorage(clock)

    async def hit(self, subject: str) -> Decision:
        """At once: whoever only counts in memory gives way to nobody."""
        if self._limit is None:
            return UNLIMITED
        # The library's FixedWindowRateLimiter, without building the key three times.
        key = self._limit.key_for(subject)
        count = self._storage.incr(key, self._limit.get_expiry())
        return decided(self._limit, count, self._storage.get_expiry(key) - self._clock())

    def spent(self, subject: str) -> bool:
        if self._limit is None or not self._storage:  # as a rule
            return False
        return self._storage.get(self._limit.key_for(subject)) >= self._limit.amount


class MemoryCounters:
    """Nothing that could fail."""

    failing = False

    async def run(self) -> None:
        pass

    async def probe(self) -> None:
        pass


def limit_of(spec: str) -> RateLimitItem | None:
    return None if spec == "off" else parse(spec)


def decided(limit: RateLimitItem, count: int, left: float) -> Decision:
    """`count` in a window that has so many seconds left."""
    most = limit.amount
    reset = max(1, math.ceil(left))
    return Decision(count <= most, most, max(0, most - count), reset, limit.get_expiry())
