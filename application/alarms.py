"""Deadlines that are moved far more often than they come: one heap and one task for all of them.

A cancel scope with a deadline, made anew for each letter, costs more than the decision on a small one.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count
from math import inf
from typing import Self

import trio


class Alarm:
    """`set` as often as you like, and it rings once at or after the last time that was set."""

    __slots__ = ("_alarms", "at", "noted", "ring")

    def __init__(self, alarms: Alarms, ring: Callable[[], None]) -> None:
        self.at = inf
        self.noted = inf  # for when it is in the heap, which may be too early
        self.ring = ring
        self._alarms = alarms

    def set(self, at: float) -> None:
        self.at = at
        if at < self.noted:
            self._alarms.note(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """It never rings again, and keeps nobody in memory."""
        self.at, self.ring = inf, _nothing


def _nothing() -> None:
    pass


class Alarms:
    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Alarm]] = []
        self._order = count()
        self._pause = trio.CancelScope()

    def note(self, alarm: Alarm) -> None:
        alarm.noted = alarm.at
        heapq.heappush(self._heap, (alarm.at, next(self._order), alarm))
        if alarm.at < self._pause.deadline:  # to set it costs more than all the rest # noqa: PLR1730
            self._pause.deadline = alarm.at

    async def run(self) -> None:
        """For ever."""
        while True:
            with trio.CancelScope(deadline=self._heap[0][0] if self._heap else inf) as self._pause:
                await trio.sleep_forever()
            self._ring_due(trio.current_time())

    def _ring_due(self, now: float) -> None:
        while self._heap and self._heap[0][0] <= now:
            noted, _, alarm = heapq.heappop(self._heap)
            if noted != alarm.noted:
                continue  # it was noted for an earlier time since
            alarm.noted = inf
            if alarm.at <= now:
                alarm.ring()
            elif alarm.at < inf:
                self.note(alarm)
