"""What is asked over HTTP: of us, of Starlette by itself, of the least that will do, and of a peer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import biglog, cases, wrk
from tests.benchmarks.docledger import docledger
from tests.benchmarks.editing import Editing
from tests.benchmarks.heavy import Unavailable
from tests.benchmarks.peers import Peer
from tests.benchmarks.processes import module
from tests.benchmarks.rounds import (
    FLOOR,
    LEAST,
    OURS,
    STOCK,
    Results,
    Side,
    figures,
    getting,
    measure,
    repeated,
)

LOG = 2000  # documents whose facts are in the log that is asked

Told = dict[str, float | str]


@dataclass(frozen=True, slots=True)
class Wishes:
    rounds: int
    seconds: int  # for each load
    connections: Sequence[int]
    budget: float  # seconds
    peer: Peer | None
    settings: Mapping[str, str]  # of ours, besides


@contextmanager
def sides(folder: Path, wishes: Wishes) -> Iterator[tuple[Side, Sequence[Side], Callable[[], None]]]:
    """The floor, who is measured beside it, and the check to be made at the end."""
    seconds, most = wishes.seconds, max(wishes.connections)
    cases.write_large(folder)
    (folder / "data").mkdir()
    (folder / "least").mkdir()
    log = biglog.made(folder / "data", LOG)
    with (
        module("floor", folder, str(folder)) as floor,
        module("document_server", folder) as server,
        module("least", folder, str(folder / "least")) as least,
        docledger(folder, server.url, **wishes.settings) as ours,
    ):
        edited = cases.Edited(ours, server.url, folder, most, seconds)
        loads = {**cases.reading(ours, log, folder, seconds), **edited.loads}
        stock = cases.large({name: f"{floor.url}/{name}" for name in cases.LARGE}, seconds)
        told = least.url + cases.CALLBACK
        promises = Editing(told, edited.keys, server.url, folder / "least", seconds, ahead=8)
        honest = {case: promises.loads[case] for case in ("status1", "status6")}
        found = [
            Side(OURS, ours.server, loads),
            Side(STOCK, floor, stock),
            Side(LEAST, least, honest),
        ]
        if wishes.peer:
            (folder / "peer").mkdir()
            found.append(wishes.peer.side(server.url, folder / "peer", most, seconds))
        yield Side(FLOOR, floor, {FLOOR: getting(floor.url, seconds)}), found, edited.check


def run(folder: Path, wishes: Wishes) -> Told:
    """Raises Unavailable, LoadFailed."""
    if not wrk.installed():
        raise Unavailable("wrk is not installed (Debian: apt install wrk)")
    results = Results()
    with sides(folder, wishes) as (floor, found, check):
        plan = cases.plan([*found[0].loads], wishes.connections)
        repeated(wishes.rounds, wishes.budget, lambda: measure(floor, found, plan, results))
        check()
    told: Told = {"rounds": len(results.rounds), **dict(figures(results))}
    for point, why in results.failures.items():
        told[f"failed_{point.side}_{point.case}_c{point.connections}"] = why
    for case in wishes.peer.missing if wishes.peer else ():
        told[f"skipped_peer_{case}"] = "the peer's description has no path for it"
    return told
