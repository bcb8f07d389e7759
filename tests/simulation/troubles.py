"""What goes wrong: the next so many happenings of a kind, or all of them for a while."""

from __future__ import annotations

from collections import deque
from collections.abc import Container
from dataclasses import dataclass, field
from math import inf

import trio

KINDS = {
    "journal": ("before", "after", "unreadable", "down"),
    "blobs": ("full", "down"),
    "overflow": ("full", "down"),
    "sidecars": ("full", "down"),
    "download": ("cut", "error", "gone", "garbage", "stall"),
    "command": ("refuse", "silence", "slow"),
    "assembly": ("fail", "corrupt"),
    "callback": ("lost", "delay", "duplicate", "reorder", "deaf"),
}
HARMLESS = frozenset({"delay", "duplicate", "reorder"})  # within seconds: the protocol is like that
FOR_A_WHILE = frozenset({"down"})


@dataclass
class Troubles:
    waiting: dict[tuple[str, str], deque[float]] = field(default_factory=dict)
    until: dict[str, float] = field(default_factory=dict)
    spans: list[tuple[float, float, str]] = field(default_factory=list)  # from when to when what was wrong

    def plan(self, where: str, kind: str, times: int, seconds: float) -> None:
        now = trio.current_time()
        if kind in FOR_A_WHILE:
            self.until[where] = max(self.until.get(where, 0), now + seconds)
            self.felt(where, now, self.until[where])
        else:
            self.waiting.setdefault((where, kind), deque()).extend([seconds] * times)

    def take(self, where: str, *kinds: str) -> tuple[str, float] | None:
        """The trouble that this happening must suffer."""
        now = trio.current_time()
        if now < self.until.get(where, 0):
            return "down", 0
        for kind in kinds:
            waiting = self.waiting.get((where, kind))
            if waiting:
                seconds = waiting.popleft()
                if kind not in HARMLESS or seconds > 9:
                    self.felt(where, now, now + seconds)
                return kind, seconds
        return None

    def felt(self, where: str, start: float, end: float) -> None:
        self.spans.append((start, end, where))

    async def outlast(self) -> None:
        """Nothing new goes wrong, and what goes wrong for a while comes to its end."""
        self.waiting.clear()
        await trio.sleep_until(max(self.until.values(), default=-inf))

    def between(self, start: float, end: float) -> set[str]:
        """What was wrong at some time."""
        return {where for begin, stop, where in self.spans if begin <= end and stop >= start}

    def calm(self, start: float, end: float, seconds: float, but: Container[str] = ()) -> bool:
        """Whether there were so many seconds in a row without any trouble, `but` these."""
        for begin, stop, where in sorted(self.spans):
            if where in but:
                continue
            if min(begin, end) - start >= seconds:
                return True
            start = max(start, stop)
        return end - start >= seconds
