"""Which node looked after which document when, as the database had it; judged from records alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

from application.nodes import shard_of
from tests.chaos.processes import Spell

SEEN = 0.5  # seconds by which a change may have been seen too late; who looked less often was blind
UNDER_WAY = 3.0  # seconds that a command may have been on its way to the server
AWAKE = 4.0  # seconds after its waking in which a node may send what it had begun before
STARTING = 1.5  # seconds in which a node that is launched again cannot have come back
LONG = 10.0  # seconds of a spell that others notice, whatever it is
STILL_THERE = inf
VISIT = 20.0  # seconds that an upload or a restore may go on after nobody waits for it any more


Span = tuple[float, float]


@dataclass(slots=True)
class Holding:
    """A time in which a shard was seen to be a node's."""

    node: int
    began: float
    ended: float


@dataclass(slots=True)
class Holdings:
    of: dict[int, list[Holding]] = field(default_factory=dict)  # by shard, one after the other
    blind: list[Span] = field(default_factory=list)
    _looked: float | None = None

    def see(self, began: float, ended: float, held: Mapping[int, Sequence[int]]) -> None:
        """`held` are the shards of each node; nobody holds any while the database is away."""
        if self._looked is not None and ended - self._looked > SEEN:
            self.blind.append((self._looked, ended))
        self._looked = at = began
        for node, shards in held.items():
            for shard in shards:
                known = self.of.setdefault(shard, [])
                if known and known[-1].node == node:
                    known[-1].ended = at
                else:
                    known.append(Holding(node, at, at))


@dataclass(frozen=True, slots=True)
class Forcesave:
    at: float
    node: int
    key: str
    error: int | None  # None where the server did not answer as it should


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody who does not edit saves what is edited first, on whichever node."""

    key: str
    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class Watched:
    forcesaves: Sequence[Forcesave] = ()
    holdings: Mapping[int, Sequence[Holding]] = field(default_factory=dict)  # by shard
    blind: Sequence[Span] = ()  # when whoever was to see them did not look
    spells: Mapping[int, Sequence[Spell]] = field(default_factory=dict)  # by node
    visits: Sequence[Visit] = ()


@dataclass(frozen=True, slots=True)
class Autosaves:
    sent: int
    by_node: Mapping[int, int]
    strays: Sequence[Forcesave]  # one for each document and waking at most
    doubled: Sequence[Forcesave]  # by a node that did not own the document, and has no excuse
    unseen: int  # of which nobody can tell
    moved: Sequence[float]  # seconds from a node's going until another had its last shard
    asked: Sequence[float]  # seconds from then until another asked for a document of its


def judge_autosaves(watched: Watched) -> Autosaves:
    strays: dict[tuple[str, Spell], Forcesave] = {}
    doubled, unseen = [], 0
    for sent in sorted(watched.forcesaves, key=lambda sent: sent.at):
        if _owned(watched, sent) or _visited(watched, sent):
            continue
        woken = _woken(watched, sent)
        if woken and (sent.key, woken) not in strays:
            strays[sent.key, woken] = sent
        elif _unseen(watched, sent):
            unseen += 1
        else:
            doubled.append(sent)
    nodes = [sent.node for sent in watched.forcesaves]
    return Autosaves(
        len(nodes),
        {node: nodes.count(node) for node in sorted(set(nodes))},
        [*strays.values()],
        doubled,
        unseen,
        [*_moved(watched)],
        [*_asked(watched)],
    )


def _owned(watched: Watched, sent: Forcesave) -> bool:
    """The node was the last to have its shard, or was it when it sent the command.

    While the database is away nobody has it, and the last node may go on for as long as it believes.
    """
    holdings = watched.holdings.get(shard_of(sent.key), ())
    return any(
        holding.node == sent.node
        and holding.began - SEEN <= sent.at
        and (later is None or sent.at <= later.began + UNDER_WAY)
        for holding, later in zip(holdings, [*holdings[1:], None], strict=False)
    )


def _visited(watched: Watched, sent: Forcesave) -> bool:
    return any(
        visit.key == sent.key and visit.began <= sent.at <= visit.ended + VISIT for visit in watched.visits
    )


def _unseen(watched: Watched, sent: Forcesave) -> bool:
    return any(began <= sent.at <= ended + UNDER_WAY for began, ended in watched.blind)


def _woken(watched: Watched, sent: Forcesave) -> Spell | None:
    """From what the node had just come back without knowing that it was gone."""
    for spell in watched.spells.get(sent.node, ()):
        if spell.kind != "kill" and spell.ended <= sent.at <= spell.ended + AWAKE:
            return spell
    return None


def _moved(watched: Watched) -> Iterator[float]:
    """Where others had all of a node's shards before it was back."""
    for node, spell in _spells(watched):
        went = [_went(shard, node, spell) for shard in watched.holdings.values()]
        moved = [at for at in went if at is not None]
        if moved and STILL_THERE not in moved:
            yield max(moved) - spell.began


def _asked(watched: Watched) -> Iterator[float]:
    for node, spell in _spells(watched):
        before: dict[str, int] = {}  # who asked for it last
        after: dict[str, Forcesave] = {}
        for sent in sorted(watched.forcesaves, key=lambda sent: sent.at):
            if sent.at <= spell.began:
                before[sent.key] = sent.node
            elif sent.at <= spell.ended:
                after.setdefault(sent.key, sent)
        if spell.ended - spell.began >= LONG:
            yield from (sent.at - spell.began for key, sent in after.items() if before.get(key) == node)


def _spells(watched: Watched) -> Iterator[tuple[int, Spell]]:
    return ((node, spell) for node, spells in watched.spells.items() for spell in spells)


def _went(holdings: Sequence[Holding], node: int, spell: Spell) -> float | None:
    """When another had the shard; None if it was not the node's."""
    back = spell.ended + (STARTING if spell.kind == "kill" else 0)
    for holding, later in zip(holdings, [*holdings[1:], None], strict=False):
        if holding.node == node and holding.began <= spell.began <= holding.ended + SEEN:
            return later.began if later and later.began <= back else STILL_THERE
    return None
