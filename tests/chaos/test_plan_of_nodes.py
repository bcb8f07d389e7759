"""The plan for several nodes holds all that may happen to them, and the old one stays as it was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

from tests.chaos.plan import OF_ONE_NODE, Fault, Kind, plan
from tests.chaos.plan_of_nodes import BACKENDS, PAUSE, RESTARTS, plan_of_nodes

NODES = 3
NOTICED = 10.0  # seconds until a silent node's shards are given to others


def of(faults: Sequence[Fault], kind: Kind) -> list[Fault]:
    return [fault for fault in faults if fault.kind is kind]


def test_the_same_seed_makes_the_same_plan_and_another_seed_another() -> None:
    assert plan_of_nodes(7, 20, 50, "durable", NODES) == plan_of_nodes(7, 20, 50, "durable", NODES)
    assert plan_of_nodes(7, 20, 50, "durable", NODES) != plan_of_nodes(8, 20, 50, "durable", NODES)


@pytest.mark.parametrize("kills", [6, 30])
def test_even_a_short_one_has_a_fault_of_every_kind(kills: int) -> None:
    faults = plan_of_nodes(3, kills, 20, "durable", NODES)
    assert {fault.kind for fault in faults} == set(Kind) - {Kind.BLOBS}
    assert len(of(faults, Kind.KILL)) == kills
    assert {fault.how for fault in of(faults, Kind.DATABASE)} >= set(RESTARTS)


def test_a_longer_one_knows_more_ways_to_die() -> None:
    faults = plan_of_nodes(3, 30, 20, "durable", NODES)
    assert {fault.how for fault in of(faults, Kind.DATABASE)} == {*RESTARTS, BACKENDS, PAUSE}
    assert {fault.how for fault in of(faults, Kind.OBJECTS)} == {"killed", PAUSE}
    assert {fault.how for fault in of(faults, Kind.COUNTERS)} == {"killed", PAUSE}


@pytest.mark.parametrize("kind", [Kind.KILL, Kind.PAUSE, Kind.CUT])
def test_some_nodes_are_gone_long_enough_for_others_to_take_over_and_some_are_not(kind: Kind) -> None:
    gone = [fault.seconds for fault in of(plan_of_nodes(3, 6, 20, "durable", NODES), kind)]
    assert max(gone) > NOTICED > min(gone)


def test_each_node_has_its_share_and_sometimes_all_of_them_are_struck() -> None:
    faults = plan_of_nodes(5, 60, 20, "durable", NODES)
    for kind in (Kind.KILL, Kind.CUT):
        struck = Counter(fault.node for fault in of(faults, kind))
        assert set(struck) == {None, 0, 1, 2}
    assert {fault.node for fault in of(faults, Kind.PAUSE)} == {0, 1, 2}


def test_a_plan_for_one_node_knows_nothing_of_all_this() -> None:
    assert {fault.kind for fault in plan(3, 20, 20, "durable")} == set(OF_ONE_NODE)


def test_a_seed_keeps_its_plan_for_one_node() -> None:
    """Whoever was told a seed may still repeat that run."""
    faults = plan(7, 4, 20, "always")
    assert [(round(faults[n].at, 3), str(faults[n])) for n in (0, 10, 20, -1)] == [
        (3.105, "server command refuse ×3, 1.9 s"),
        (10.038, "kill server, 0.2 s"),
        (15.23, "journal, 8.3 s"),
        (24.307, "server assembly fail, 1.0 s"),
    ]
