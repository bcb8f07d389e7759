"""Open documents at rest: no task, no state, just when to wake each of them, by one heap and one alarm."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from math import inf

import trio

from application.alarms import Alarm, Alarms
from application.schedule import Schedule

ASKED = 50  # documents a second that are woken only to ask the server about them
STALE = 1024  # deadlines of documents that have been woken since, beside as many that count


@dataclass(frozen=True, slots=True)
class Sleeper:
    schedule: Schedule
    unsaved: bool = False  # somebody edits it, or it has an offer to fetch: it is woken on time
    kept_there: bool = False  # the server has changes of it that only opening and leaving it delivers


class Sleepers:
    def __init__(self, wake: Callable[[str], object], alarms: Alarms) -> None:
        self._wake = wake
        self._alarm = Alarm(alarms, self._wake_due)
        self._asleep: dict[str, Sleeper] = {}
        self._deadlines: list[tuple[float, str]] = []  # a heap; of who was woken meanwhile too
        self._overdue: deque[str] = deque()  # those that may wait for their turn
        self._turn = -inf  # of the next of them

    def __len__(self) -> int:
        return len(self._asleep)

    def __iter__(self) -> Iterator[tuple[str, Sleeper]]:
        return iter(self._asleep.items())

    def lay(self, key: str, sleeper: Sleeper) -> None:
        self._asleep[key] = sleeper
        if len(self._deadlines) > 2 * len(self._asleep) + STALE:
            self._deadlines = [(asleep.schedule.wakes_at, key) for key, asleep in self._asleep.items()]
            heapq.heapify(self._deadlines)
        else:
            heapq.heappush(self._deadlines, (sleeper.schedule.wakes_at, key))
        self._alarm.set(min(self._alarm.at, sleeper.schedule.wakes_at))

    def take(self, key: str) -> Sleeper | None:
        return self._asleep.pop(key, None)

    def drop(self, shards: Collection[int]) -> None:
        """They are another node's now."""
        self._asleep = {
            key: sleeper for key, sleeper in self._asleep.items() if sleeper.schedule.shard not in shards
        }

    def _next(self) -> float:
        turn = self._turn if self._overdue else inf
        return min(self._deadlines[0][0], turn) if self._deadlines else turn

    def _wake_due(self) -> None:
        now = trio.current_time()
        while self._deadlines and self._deadlines[0][0] <= now:
            due, key = heapq.heappop(self._deadlines)
            sleeper = self._asleep.get(key)
            if sleeper is None or sleeper.schedule.wakes_at != due:
                continue
            if sleeper.unsaved:
                self._wake(key)
            else:
                self._overdue.append(key)
        while self._overdue and self._turn <= now:
            key = self._overdue.popleft()
            if key in self._asleep and self._asleep[key].schedule.wakes_at <= now:
                self._turn = now + 1 / ASKED
                self._wake(key)
        self._alarm.set(self._next())
