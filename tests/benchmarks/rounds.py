"""Rounds: in each the floor comes first, and then whoever takes part does the same, one after the other."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from statistics import median
from typing import NamedTuple, Protocol

from tests.benchmarks import wrk
from tests.benchmarks.wrk import LoadFailed, Measured

FLOOR, OURS, STOCK, LEAST, PEER = "floor", "ours", "stock", "least", "peer"

Load = Callable[[int, float], Measured]  # connections, and the rate that the floor has just shown


class Watched(Protocol):
    """A server of which more or less is known; NaN and 0 are not."""

    def cpu(self) -> float: ...

    def peak(self) -> int: ...

    def forget_peak(self) -> None: ...

    def settle(self) -> None: ...


class Point(NamedTuple):
    side: str
    case: str
    connections: int


@dataclass(frozen=True, slots=True)
class Side:
    """One that takes part, with the loads that it can be given."""

    name: str
    server: Watched
    loads: Mapping[str, Load]


@dataclass(frozen=True, slots=True)
class Cost:
    rate: float  # requests in a second
    bytes: float  # in a second
    cpu: float  # microseconds for each request
    peak: int  # kB


@dataclass
class Results:
    """What each round has shown, and what failed in which."""

    rounds: list[dict[Point, Cost]] = field(default_factory=list)
    failures: dict[Point, str] = field(default_factory=dict)

    @property
    def points(self) -> Sequence[Point]:
        return [*dict.fromkeys(point for shown in self.rounds for point in shown)]

    def times(self, point: Point, other: Point) -> float:
        """The rate as a multiple of the other's in the same round, the usual one; NaN if there is none."""
        ratios = (
            shown[point].rate / shown[other].rate
            for shown in self.rounds
            if point in shown and other in shown
        )
        return _usual(ratios)

    def times_the_floor(self, point: Point) -> float:
        return self.times(point, Point(FLOOR, FLOOR, point.connections))

    def usual(self, point: Point, what: Callable[[Cost], float]) -> float:
        return _usual(what(shown[point]) for shown in self.rounds if point in shown)

    def note(self, point: Point, server: Watched, load: Callable[[], Measured]) -> Cost | None:
        """What a load costs that server; None if it fails, which is told at the end."""
        server.forget_peak()
        before = server.cpu()
        try:
            measured = load()
        except LoadFailed as failure:
            self.failures[point] = str(failure)
            return None
        spent = server.cpu() - before
        cost = Cost(
            measured.rate,
            measured.bytes / measured.seconds,
            spent / measured.requests * 1e6,
            server.peak(),
        )
        self.rounds[-1][point] = cost
        return cost


def measure(floor: Side, sides: Sequence[Side], plan: Mapping[str, Sequence[int]], results: Results) -> None:
    """One round of all cases at their numbers of connections. Raises LoadFailed if the floor does."""
    results.rounds.append({})
    for connections in sorted({number for numbers in plan.values() for number in numbers}):
        point = Point(FLOOR, FLOOR, connections)
        base = results.note(point, floor.server, partial(floor.loads[FLOOR], connections, math.nan))
        if base is None:
            raise LoadFailed(results.failures[point])
        for case in (case for case, numbers in plan.items() if connections in numbers):
            for side in (side for side in sides if case in side.loads):
                load = partial(side.loads[case], connections, base.rate)
                results.note(Point(side.name, case, connections), side.server, load)
                side.server.settle()


def repeated(count: int, budget: float, once: Callable[[], None]) -> None:
    """So many rounds, but none that would end later than so many seconds from now."""
    until = time.monotonic() + budget
    for _ in range(count):
        begun = time.monotonic()
        once()
        now = time.monotonic()
        if now + (now - begun) > until:
            break


def getting(url: str, seconds: int, headers: wrk.Headers = wrk.NO_HEADERS) -> Load:
    """The same url over and over."""
    return lambda connections, _: wrk.get(url, connections, seconds, headers)


def figures(results: Results) -> Iterator[tuple[str, float]]:
    """By clear names: `config_c16` is the rate at 16 connections as a multiple of the floor's."""
    for point in results.points:
        name = f"{_prefix(point)}{point.case}_c{point.connections}"
        if point.side != FLOOR:
            yield name, results.times_the_floor(point)
        if point.side == OURS:
            for other in (STOCK, LEAST, PEER):
                yield f"{name}_times_{other}", results.times(point, point._replace(side=other))
        yield f"{name}_per_s", results.usual(point, lambda cost: cost.rate)
        if point._replace(side=STOCK) in results.points:
            yield f"{name}_mb_per_s", results.usual(point, lambda cost: cost.bytes / 1e6)
        yield f"{name}_cpu_us", results.usual(point, lambda cost: cost.cpu)
        yield f"{name}_peak_mb", results.usual(point, lambda cost: cost.peak / 1000) or math.nan


def _prefix(point: Point) -> str:
    return f"{point.side}_" if point.side in {STOCK, LEAST, PEER} else ""


def _usual(values: Iterator[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return median(known) if known else math.nan
