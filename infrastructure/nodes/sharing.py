"""How the shards are shared out: each node works out the same from what all of them hold."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import islice
from typing import NamedTuple

from application.nodes import ALL, SHARDS

Held = Mapping[int, frozenset[int]]  # by the numbers of the nodes that live


class Step(NamedTuple):
    """What one node is to do; never both."""

    give: frozenset[int]
    take: frozenset[int]


def shares(nodes: Collection[int]) -> Mapping[int, int]:
    """How many each is to have."""
    each, over = divmod(SHARDS, len(nodes))
    return {node: each + (place < over) for place, node in enumerate(sorted(nodes))}


def step(node: int, held: Held) -> Step:
    """What is free is dealt to those who lack, so that no two try the same.

    The highest are given up first: the lowest one leads, and may stay where it is.
    """
    share = shares(held)
    free = iter(sorted(ALL.difference(*held.values())))
    dealt = {each: frozenset(islice(free, max(0, share[each] - len(held[each])))) for each in sorted(held)}
    return Step(give=frozenset(sorted(held[node])[share[node] :]), take=dealt[node])


def even(held: Held) -> bool:
    return all(len(held[node]) == share for node, share in shares(held).items())
