"""What several nodes have to answer for besides: who auto-saved what, and how soon others took over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.chaos.breaking_engines import Engines
from tests.chaos.faults import Faults
from tests.chaos.ownership import Autosaves, Forcesave, Visit, Watched, judge_autosaves
from tests.chaos.processes import Spell
from tests.chaos.stage import Stage
from tests.chaos.verdict import Session

UNSEEN = 0.05  # of all auto-saves, at most


@dataclass(frozen=True, slots=True)
class Cluster:
    autosaves: Autosaves
    spells: Mapping[str, int]  # of nodes, by their kinds
    deaths: Mapping[str, int]  # of what they share
    crashes: int  # of nodes, by themselves
    looks: int  # at whose the shards are

    @property
    def good(self) -> bool:
        """Nodes that never auto-save would never do it twice, nor would those that nobody watches."""
        autosaves = self.autosaves
        judged = len(autosaves.by_node) > 1 and autosaves.unseen <= autosaves.sent * UNSEEN
        return judged and not autosaves.doubled and not self.crashes

    @property
    def figures(self) -> dict[str, Any]:
        autosaves = self.autosaves
        return {
            "double_autosaves": len(autosaves.doubled),
            "unseen_autosaves": autosaves.unseen,
            "stray_forcesaves": len(autosaves.strays),
            "stray_answers": dict(Counter(str(stray.error) for stray in autosaves.strays)),
            "forcesaves": autosaves.sent,
            "forcesaves_by_node": list(autosaves.by_node.values()),
            "crashes": self.crashes,
            **{f"node_{kind}s": count for kind, count in self.spells.items()},
            **{f"{kind}_deaths": count for kind, count in self.deaths.items()},
            **_spread("moved", autosaves.moved),
            **_spread("asked", autosaves.asked),
        }


def spells_of(stage: Stage) -> Mapping[int, Sequence[Spell]]:
    """Until now."""
    return {number: [*node.spells] for number, node in enumerate(stage.nodes)}


async def seen(
    stage: Stage, faults: Faults, spells: Mapping[int, Sequence[Spell]], sessions: Mapping[str, Session]
) -> Cluster:
    assert isinstance(stage.breaking, Engines)
    watch, taps = stage.breaking.watch, stage.breaking.taps
    noted = await stage.control.forcesaves()
    watched = Watched(
        [
            Forcesave(each["at"], taps.index(_port(each["host"])), each["key"], each["error"])
            for each in noted
        ],
        watch.holdings.of,
        watch.holdings.blind,
        spells,
        [*_visits(faults, sessions)],
    )
    return Cluster(
        judge_autosaves(watched),
        dict(Counter(spell.kind for each in spells.values() for spell in each)),
        stage.breaking.deaths,
        sum(node.crashes for node in stage.nodes),
        watch.looks,
    )


def _port(host: str) -> int:
    return int(host.rpartition(":")[2])


def _visits(faults: Faults, sessions: Mapping[str, Session]) -> Iterator[Visit]:
    for file, began, ended in faults.visits:
        yield from (Visit(key, began, ended) for key, each in sessions.items() if each.file == file)


def _spread(name: str, seconds: Iterable[float]) -> dict[str, Any]:
    ordered = sorted(seconds)
    if not ordered:
        return {f"{name}_times": 0}
    p50, p99 = (ordered[min(len(ordered) - 1, int(part * len(ordered)))] for part in (0.5, 0.99))
    return {f"{name}_times": len(ordered), f"{name}_p50": round(p50, 2), f"{name}_p99": round(p99, 2)}
