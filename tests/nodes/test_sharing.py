"""Sharing the shards out: even, complete, and at rest as soon as nobody comes or goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.nodes import ALL, LEADING, SHARDS
from infrastructure.nodes.sharing import Held, Step, even, shares, step


@dataclass
class Locks:
    """What the server would know; each node acts on what it saw last, which may be long ago."""

    owners: dict[int, int] = field(default_factory=dict)  # by shard
    seen: dict[int, Held] = field(default_factory=dict)  # by node
    moves: int = 0

    def held(self) -> Held:
        return {
            node: frozenset(shard for shard, owner in self.owners.items() if owner == node)
            for node in self.seen
        }

    def enter(self, node: int) -> None:
        self.seen.setdefault(node, {})
        self.look(node)

    def die(self, node: int) -> None:
        self.seen.pop(node, None)
        self.owners = {shard: owner for shard, owner in self.owners.items() if owner != node}

    def look(self, node: int) -> None:
        if node in self.seen:
            self.seen[node] = self.held()

    def act(self, node: int) -> None:
        if not self.seen.get(node):
            return
        give, take = step(node, self.seen[node])
        assert not (give and take)
        for shard in give:
            if self.owners.get(shard) == node:
                del self.owners[shard]
        for shard in take:
            self.owners.setdefault(shard, node)
        self.moves += len(give) + len(take)
        self.seen[node] = {}  # whoever acts has to look again

    def rounds(self, count: int, order: Sequence[int] = ()) -> None:
        for _ in range(count):
            for node in [*order, *self.seen]:
                self.look(node)
                self.act(node)


NODES = range(6)
EVENTS = st.lists(
    st.tuples(st.sampled_from(["enter", "die", "look", "act", "act"]), st.sampled_from(NODES)), max_size=60
)


@settings(max_examples=1000)
@given(EVENTS, st.permutations(NODES))
def test_whatever_happened_all_is_shared_out_evenly_soon_and_then_nothing_moves(
    happening: list[tuple[str, int]], order: list[int]
) -> None:
    locks = Locks()
    for what, node in happening:
        getattr(locks, what)(node)
    locks.enter(order[0])
    locks.rounds(4, order)
    assert locks.owners.keys() == ALL
    assert even(locks.held())
    sizes = [len(held) for held in locks.held().values()]
    assert max(sizes) - min(sizes) <= 1
    locks.moves = 0
    locks.rounds(3, order)
    assert locks.moves == 0


@pytest.mark.parametrize("count", [1, 2, 3, 5, 63, 64, 65, 100])
def test_shares_add_up_and_differ_by_one_at_most(count: int) -> None:
    given_out = shares(range(count)).values()
    assert sum(given_out) == SHARDS
    assert max(given_out) - min(given_out) <= 1


def test_who_comes_waits_for_what_the_others_give_and_they_give_no_more_than_that() -> None:
    held = {1: ALL, 2: frozenset[int]()}
    assert step(2, held) == Step(frozenset(), frozenset())
    assert step(1, held) == Step(give=frozenset(range(32, 64)), take=frozenset())


def test_two_who_lack_do_not_try_the_same() -> None:
    held: Held = {1: frozenset(range(10)), 2: frozenset(range(10, 20))}
    first, second = step(1, held).take, step(2, held).take
    assert not first & second
    assert first | second == ALL - held[1] - held[2]


def test_who_leads_goes_on_leading_while_nodes_come() -> None:
    locks = Locks()
    for node in (5, 3, 9, 1):
        locks.enter(node)
        locks.rounds(3)
        assert locks.owners[LEADING] == 5
