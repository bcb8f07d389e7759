"""The plan for several nodes: what they share dies as well, and they lose each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import cycle, islice
from random import Random

from tests.chaos.plan import QUIET, After, Fault, Kind, Span, plan, spread

PACE = (9.0, 15.0)  # seconds from one kill to the next
MOMENT: Span = (0.1, 2.0)
SHORT: Span = (2.0, 6.0)  # a node keeps its shards
LONG: Span = (12.0, 18.0)  # others have them by then
LONG_KILLS = 5  # each so many-th kill, so that they are taken over
KILLS_OF_ALL = 10
CUTS_OF_ALL = 3
SAME = frozenset({Kind.KILL_SERVER, Kind.CONTROL, Kind.UPLOAD, Kind.RESTORE})

BACKENDS, PAUSE = "loses its clients", "stands still"
RESTARTS = ("fast", "immediate", "killed")  # of the database
DEATHS = ("killed", PAUSE)


def plan_of_nodes(seed: int, kills: int, documents: int, policy: str, nodes: int) -> list[Fault]:
    """In the order of their moments; the Document Server fails as in the plan for one node."""
    chance = Random(f"{seed} nodes")
    struck = [*_kills(chance, kills, nodes)]
    end = struck[-1].at + QUIET if struck else 4 * QUIET
    alone = plan(seed, kills, documents, policy)
    slower = end / alone[-1].at
    faults = [
        *struck,
        *(replace(fault, at=fault.at * slower) for fault in alone if fault.kind in SAME),
        *_absences(chance, Kind.PAUSE, max(2, kills // 4), end, nodes),
        *_cuts(chance, max(2, kills // 4), end, nodes),
        *_deaths(chance, Kind.DATABASE, max(len(RESTARTS), kills // 3), end, (RESTARTS, (BACKENDS, PAUSE))),
        *_deaths(chance, Kind.OBJECTS, max(1, kills // 6), end, (DEATHS,)),
        *_deaths(chance, Kind.COUNTERS, max(1, kills // 10), end, (DEATHS,)),
        *_locks(chance, max(1, kills // 8), end),
    ]
    return sorted(faults, key=lambda fault: fault.at)


def _kills(chance: Random, count: int, nodes: int) -> Iterator[Fault]:
    at = QUIET
    for number in range(count):
        at += chance.uniform(*PACE)
        seconds = chance.uniform(*(LONG if number % LONG_KILLS == 1 else MOMENT))
        node = None if number % KILLS_OF_ALL == 4 else chance.randrange(nodes)
        yield Fault(at, Kind.KILL, seconds, after=chance.choice(list(After)), node=node)


def _absences(chance: Random, kind: Kind, count: int, end: float, nodes: int) -> Iterator[Fault]:
    for at, span in zip(spread(chance, count, end), cycle((LONG, SHORT)), strict=False):
        yield Fault(at, kind, chance.uniform(*span), node=chance.randrange(nodes))


def _cuts(chance: Random, count: int, end: float, nodes: int) -> Iterator[Fault]:
    for number, fault in enumerate(_absences(chance, Kind.CUT, count, end, nodes)):
        all_of_them = number % CUTS_OF_ALL == 1
        yield replace(fault, node=None) if all_of_them else fault


def _deaths(
    chance: Random, kind: Kind, count: int, end: float, ways: Sequence[Sequence[str]]
) -> Iterator[Fault]:
    """Each way in turn, those first that stand first, in an order of this seed's own."""
    order = [way for some in ways for way in chance.sample(some, len(some))]
    for at, how in zip(spread(chance, count, end), islice(cycle(order), count), strict=True):
        yield Fault(at, kind, 0.0 if how == BACKENDS else chance.uniform(0.2, 8.0), how=how)


def _locks(chance: Random, count: int, end: float) -> Iterator[Fault]:
    for at in spread(chance, count, end):
        yield Fault(at, Kind.JOURNAL, chance.uniform(8.0, 12.0))
