"""A time axis that leaves out what is idle: moments far apart stay readable beside moments close by."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import sqrt

BREAK = 18.0  # wide, in the units of the picture
IDLE = timedelta(minutes=5)  # shorter gaps are never left out
FAR = 4  # times longer than any gap that stays: such gaps stand out
SHARE = 0.1  # of what is drawn: a gap smaller than this is not worth a break
LABEL = 64.0  # wide, with the space around it
NARROWEST = 26.0  # of a stretch between two breaks
MINUTE, HOUR, DAY = 60, 3600, 86400
STEPS = [
    *(1, 2, 5, 10, 15, 30),
    *(MINUTE * n for n in (1, 2, 5, 10, 15, 30)),
    *(HOUR * n for n in (1, 2, 3, 6, 12)),
    *(DAY * n for n in (1, 2, 7, 14, 28, 91, 182, 364, 1820, 18200)),
]


@dataclass(frozen=True, slots=True)
class Stretch:
    """What is drawn without a break."""

    start: datetime
    end: datetime
    left: float
    right: float

    def x(self, at: datetime) -> float:
        span = self.end - self.start
        if not span:
            return (self.left + self.right) / 2
        share = min(max((at - self.start) / span, 0.0), 1.0)
        return self.left + share * (self.right - self.left)


@dataclass(frozen=True, slots=True)
class Tick:
    x: float
    at: datetime
    style: str  # how much of the moment is worth saying: day, minute, second


class Axis:
    """`moments` is everything that will be drawn; what falls between two stretches is at a break."""

    def __init__(self, moments: Iterable[datetime], left: float, right: float, most: int) -> None:
        times = sorted(set(moments))
        parts = _parted(times, most)
        room = right - left - BREAK * (len(parts) - 1)
        self.stretches: list[Stretch] = []
        for (start, end), width in zip(parts, _widths(parts, room), strict=True):
            self.stretches.append(Stretch(start, end, left, left + width))
            left += width + BREAK
        self._starts = [stretch.start for stretch in self.stretches]

    def x(self, at: datetime) -> float:
        return self.stretches[max(bisect_right(self._starts, at) - 1, 0)].x(at)

    @property
    def breaks(self) -> list[float]:
        """Where something is left out: the middle of each break."""
        return [(a.right + b.left) / 2 for a, b in pairwise(self.stretches)]

    def days(self, room: float) -> Iterator[Tick]:
        """When each stretch begins, where there is that much room to say it."""
        beyond = 0.0
        for stretch in self.stretches:
            x = stretch.x(stretch.start)
            if x >= beyond:
                yield Tick(x, stretch.start, "day")
                beyond = x + room

    def ticks(self) -> Iterator[Tick]:
        beyond = 0.0
        for stretch in self.stretches:
            for tick in _ticks(stretch):
                if tick.x >= beyond:
                    yield tick
                    beyond = tick.x + LABEL


def _parted(times: Sequence[datetime], most: int) -> list[tuple[datetime, datetime]]:
    gaps = sorted(((b - a, a) for a, b in pairwise(times)), reverse=True)
    breaks = {start for _, start in gaps[: min(_standing_out(gaps), most)]}
    parts = []
    start = times[0]
    for a, b in pairwise(times):
        if a in breaks:
            parts.append((start, a))
            start = b
    return [*parts, (start, times[-1])]


def _standing_out(gaps: Sequence[tuple[timedelta, datetime]]) -> int:
    """How many of the gaps, the longest first, are idle beside all the others."""
    kept = sum((gap for gap, _ in gaps), timedelta())
    standing = 0
    for number, ((gap, _), (longest_kept, _)) in enumerate(pairwise(gaps), start=1):
        kept -= gap
        if gap < IDLE:
            break
        if gap >= FAR * longest_kept and gap >= SHARE * kept:
            standing = number
    return standing


def _widths(parts: Sequence[tuple[datetime, datetime]], room: float) -> Iterator[float]:
    """Longer stretches are wider, but less than proportionally, so that the short can be read."""
    least = min(NARROWEST, room / len(parts))
    weights = [sqrt((end - start).total_seconds()) for start, end in parts]
    total, spare = sum(weights), room - least * len(parts)
    for weight in weights:
        yield least + spare * (weight / total if total else 1 / len(parts))


def _ticks(stretch: Stretch) -> Iterator[Tick]:
    """At round moments, no more than there is room for; at the start if there is none."""
    seconds = (stretch.end - stretch.start).total_seconds()
    room = (stretch.right - stretch.left) / LABEL
    step = next((step for step in STEPS if seconds / step <= room), STEPS[-1])
    first = -(-stretch.start.timestamp() // step) * step
    count = int((stretch.end.timestamp() - first) // step) + 1
    style = "day" if step >= DAY else "minute" if step >= MINUTE else "second"
    if count < 1 or not seconds:
        yield Tick(stretch.x(stretch.start), stretch.start, "second" if 0 < seconds < MINUTE else "minute")
    for number in range(count if seconds else 0):
        at = datetime.fromtimestamp(first + number * step, UTC)
        yield Tick(stretch.x(at), at, style)
